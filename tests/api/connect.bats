#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers in several networks: at create, and by connect and disconnect in
# every state of theirs; what leads out, what is published, who is called what.
load ../harness/daemon
bats_require_minimum_version 1.5.0

setup_file() {
	command -v docker >/dev/null || skip "no docker client"
	# Others test on this machine, too: a subnet of two daemons would be in two bridges.
	export S=10.$((BASHPID % 150 + 50))
	daemon_setup
}
teardown_file() { daemon_teardown; }
setup() {
	docker network create --subnet $S.1.0/24 red
	docker network create --subnet $S.2.0/24 blue
	docker network create --internal --subnet $S.3.0/24 inside
}
teardown() {
	kill -0 "$(daemon_pid)" 2>/dev/null || daemon_start
	docker ps -aq | xargs -r docker rm -f >/dev/null
	docker network prune -f >/dev/null
}

api() { # METHOD PATH [BODY]: prints "STATUS BODY"
	curl -sS -w '\n%{http_code}' --unix-socket "$CRL/s" -X "$1" -H 'Content-Type: application/json' \
		${3:+-d "$3"} "http://d$2" | python3 -c 'import sys; b = sys.stdin.read().rpartition("\n"); print(b[2], b[0].strip())'
}
addresses() { docker exec "$1" ip -4 -o addr | awk '$2 != "lo" {print $2, $4}' | paste -sd' '; }
way_out() { docker exec "$1" ip route | awk '/^default/ {print $3, $5}' | paste -sd' '; }
of() { docker inspect "$1" -f "{{json (index .NetworkSettings.Networks \"$2\").$3}}"; }

@test "several networks at create: the first is eth0, the route goes by priority and then by name" {
	docker run -d --name c1 --network red --network blue --network inside busybox sleep 100
	[ "$(addresses c1)" = "eth0 $S.1.2/24 eth1 $S.2.2/24 eth2 $S.3.2/24" ]
	[ "$(way_out c1)" = "$S.2.1 eth1" ]
	docker run -d --name c2 --network name=red,gw-priority=3 --network blue busybox sleep 100
	[ "$(way_out c2)" = "$S.1.1 eth0" ]
	[ "$(of c2 red GwPriority)" = 3 ]
	docker run -d --name c3 --network inside busybox sleep 100
	[ -z "$(way_out c3)" ]
	run docker exec c3 ping -c 1 -W 1 $S.1.1
	[ "$status" -ne 0 ]
	[ "$(docker inspect c1 -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}')" = "blue inside red " ]
	[ "$(of c1 inside Gateway)" = '""' ]
}

@test "before 1.44 only one network may be named at create" {
	local body='{"Image":"busybox","Cmd":["true"],"NetworkingConfig":{"EndpointsConfig":{"red":{},"blue":{}}}}'
	run api POST '/v1.43/containers/create?name=old' "$body"
	[[ $output == "400 "*"Container cannot be connected to network endpoints: "* ]]
	run api POST '/v1.44/containers/create?name=new' "$body"
	[[ $output == "201 "* ]]
	docker start -a new
}

@test "a running container gets networks and loses them; route and ports follow" {
	docker run -d --name web --network red -p 127.0.0.1:0:80 busybox httpd -f -h /etc
	port=$(docker port web 80/tcp); port=${port##*:}
	wait_until 5 curl -fsS "http://127.0.0.1:$port/hostname"
	docker network connect --alias w2 blue web
	[ "$(addresses web)" = "eth0 $S.1.2/24 eth1 $S.2.2/24" ] || { addresses web; false; }
	[ "$(way_out web)" = "$S.2.1 eth1" ]
	curl -fsS "http://127.0.0.1:$port/hostname"
	[ "$(docker port web 80/tcp)" = "127.0.0.1:$port" ]
	docker exec web grep -q '^'"$S"'.2.2' /etc/hosts
	docker network inspect blue -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' | grep -qx 'web '"$S"'.2.2/24'
	[ "$(of web blue Aliases)" = '["w2"]' ]
	# the network that leads out goes: route and port are with the other one again
	docker network disconnect blue web
	[ "$(addresses web)" = "eth0 $S.1.2/24" ]
	[ "$(way_out web)" = "$S.1.1 eth0" ]
	curl -fsS "http://127.0.0.1:$port/hostname"
	run ! docker exec web grep -q '^'"$S"'.2.2' /etc/hosts
	docker network disconnect red web
	[ -z "$(addresses web)" ]
	run ! curl -fsS --max-time 1 "http://127.0.0.1:$port/hostname"
	docker network connect red web
	[ "$(way_out web)" = "$S.1.1 eth0" ]
	[ "$(docker port web 80/tcp | wc -l)" = 1 ]
	port=$(docker port web 80/tcp); port=${port##*:}
	curl -fsS "http://127.0.0.1:$port/hostname"
}

@test "an internal network more or less changes neither route nor ports" {
	docker run -d --name web -p 127.0.0.1:0:80 busybox httpd -f -h /etc
	before=$(way_out web)
	ports=$(docker port web)
	docker network connect inside web
	[ "$(way_out web)" = "$before" ]
	[ "$(docker port web)" = "$ports" ]
	docker network disconnect inside web
	[ "$(way_out web)" = "$before" ]
	curl -fsS --retry 3 --retry-connrefused "http://${ports##* }/hostname"
}

@test "what somebody wrote into /etc/hosts stays" {
	docker run -d --name c1 --hostname box --network red busybox sleep 100
	docker exec c1 sh -c 'echo "192.0.2.7 mine" >>/etc/hosts'
	docker network connect blue c1
	run docker exec c1 cat /etc/hosts
	[[ $output == *"192.0.2.7 mine"* && $output == *"$S.1.2"$'\tbox'* && $output == *"$S.2.2"$'\tbox'* ]]
	docker network disconnect red c1
	run docker exec c1 cat /etc/hosts
	[[ $output == *"192.0.2.7 mine"* && $output != *$S.1.2* && $output == *"$S.2.2"$'\tbox'* ]]
}

@test "a hosts file of a million lines does not hold the daemon up" {
	docker run -d --name c1 --network red busybox sleep 100
	docker exec c1 sh -c 'yes "" | head -c 1000000 >>/etc/hosts'
	begin=$(date +%s)
	docker network connect blue c1
	[ $(($(date +%s) - begin)) -le 5 ]
	docker exec c1 tail -n 1 /etc/hosts | grep -q "^$S.2.2"
}

@test "paused and stopped and created containers" {
	docker run -d --name c1 --network red busybox sleep 100
	docker pause c1
	docker network connect blue c1
	docker unpause c1
	[ "$(addresses c1)" = "eth0 $S.1.2/24 eth1 $S.2.2/24" ]
	docker kill c1 >/dev/null
	[ "$(of c1 blue NetworkID)" = "\"$(docker network inspect blue -f '{{.Id}}')\"" ]
	[ "$(of c1 blue EndpointID)" = '""' ]
	docker network disconnect red c1
	docker network connect --ip $S.3.9 inside c1
	docker start c1
	[[ $(docker exec c1 ip -4 -o addr) == *"$S.3.9/24"* ]]
	[ "$(docker exec c1 ls /sys/class/net | grep -c eth)" = 2 ]
	run -1 docker network disconnect red c1
	[[ $output == *"container $(docker inspect c1 -f '{{.Id}}') is not connected to network red"* ]]
	docker create --name c2 busybox ip -o -4 addr
	docker network connect red c2
	docker network disconnect bridge c2
	run -1 docker network disconnect bridge c2
	[[ $output == *"is not connected to the network bridge"* ]]
	run docker start -a c2
	[[ $output == *"eth0"*"$S.1."* && $output != *eth1* ]]
	[ "$(docker inspect c2 -f '{{.HostConfig.NetworkMode}}')" = bridge ]
}

@test "a container that lost all its networks starts without one" {
	docker create --name c1 busybox ip -o addr
	docker network disconnect bridge c1
	run docker start -a c1
	[[ $output == *" lo "* && $output != *eth* ]]
	[ "$(docker inspect c1 -f '{{json .NetworkSettings.Networks}}')" = '{}' ]
}

@test "wrong requests: docker's statuses and texts" {
	docker run -d --name c1 --network red busybox sleep 100
	run api POST /networks/red/connect '{"Container":"c1"}'
	[[ $output == '403 '*'endpoint with name c1 already exists in network red'* ]]
	run api POST /networks/nope/connect '{"Container":"c1"}'
	[[ $output == '404 '*'network nope not found'* ]]
	run api POST /networks/blue/connect '{"Container":"nope"}'
	[[ $output == '404 '*'No such container: nope'* ]]
	run api POST /networks/host/connect '{"Container":"c1"}'
	[[ $output == '400 '*'host network'* ]]
	run api POST /networks/none/connect '{"Container":"c1"}'
	[[ $output == '400 '*'one of the networks in private (none) mode'* ]]
	run api POST /networks/bridge/connect '{"Container":"c1","EndpointConfig":{"IPAMConfig":{"IPv4Address":"172.17.0.77"}}}'
	[[ $output == '400 '*'user specified IP address is supported on user defined networks only'* ]]
	run api POST /networks/bridge/connect '{"Container":"c1","EndpointConfig":{"Aliases":["x"]}}'
	[[ $output == '400 '*'network-scoped alias is supported only for containers in user defined networks'* ]]
	run api POST /networks/blue/connect '{"Container":"c1","EndpointConfig":{"IPAMConfig":{"IPv4Address":"10.99.0.2"}}}'
	[[ $output == '400 '*'no configured subnet or ip-range contain the IP address 10.99.0.2'* ]]
	run api POST /networks/blue/connect '{"Container":"c1","EndpointConfig":{"IPAMConfig":{"IPv4Address":"'"$S"'.2.900"}}}'
	[[ $output == '400 '*'invalid IPv4 address: '"$S"'.2.900'* ]]
	run api POST /networks/blue/connect '{"Container":"c1","EndpointConfig":{"IPAMConfig":{"IPv4Address":"'"$S"'.2.1"}}}'
	[[ $output == '403 '*'Address already in use'* ]]
	run api POST /networks/blue/connect '{"Container":"c1","EndpointConfig":{"MacAddress":"02:zz"}}'
	[[ $output == '400 '*'invalid MAC address 02:zz'* ]]
	run api POST /networks/blue/connect '{"Container":"c1","EndpointConfig":{"DriverOpts":{"com.docker.network.endpoint.ifname":"a/b"}}}'
	[[ $output == '400 '*'invalid interface name a/b'* ]]
	run api POST /networks/blue/disconnect '{"Container":"c1"}'
	[[ $output == '500 '*"is not connected to network blue"* ]]
	[ "$(addresses c1)" = "eth0 $S.1.2/24" ]
	docker run -d --name shared --network container:c1 busybox sleep 100
	run api POST /networks/blue/connect '{"Container":"shared"}'
	[[ $output == '400 '*'container sharing network namespace with another container or host cannot be connected to any other network'* ]]
	docker run -d --name hosted --network host busybox sleep 100
	run api POST /networks/blue/connect '{"Container":"hosted"}'
	[[ $output == '400 '* ]]
	run api POST /networks/host/disconnect '{"Container":"hosted"}'
	[[ $output == '400 '* ]]
}

@test "a network's address is refused twice, free again afterwards, and a restart keeps it" {
	docker run -d --name c1 --network red --ip $S.1.50 busybox sleep 100
	run -125 docker run -d --name c2 --network red --ip $S.1.50 busybox sleep 100
	[[ $output == *"Address already in use"* ]]
	for _ in 1 2 3; do docker restart -t 0 c1; done
	[ "$(addresses c1)" = "eth0 $S.1.50/24" ]
	docker rm -f c1
	docker start c2
	[ "$(addresses c2)" = "eth0 $S.1.50/24" ]
	docker network disconnect red c2
	docker network connect --ip $S.1.50 red c2
	[ "$(addresses c2)" = "eth0 $S.1.50/24" ]
}

@test "MAC addresses: of the container, of an endpoint, both and wrong ones" {
	mac() { docker exec "$1" cat "/sys/class/net/$2/address"; }
	docker run -d --name c1 --mac-address 02:aa:bb:cc:dd:01 busybox sleep 100
	[ "$(mac c1 eth0)" = 02:aa:bb:cc:dd:01 ]
	docker run -d --name c2 --network name=red,mac-address=02:aa:bb:cc:dd:02 --network blue busybox sleep 100
	[ "$(mac c2 eth0)" = 02:aa:bb:cc:dd:02 ]
	[ "$(of c2 red MacAddress)" = '"02:aa:bb:cc:dd:02"' ]
	run -125 docker run --rm --network name=red,mac-address=02:aa busybox true
	# the old way, and how it is told apart
	run api POST '/v1.43/containers/create?name=old' '{"Image":"busybox","Cmd":["sleep","9"],"MacAddress":"02:aa:bb:cc:dd:03"}'
	[[ $output == "201 "* ]]
	docker start old
	[ "$(mac old eth0)" = 02:aa:bb:cc:dd:03 ]
	run api POST '/v1.44/containers/create' '{"Image":"busybox","Cmd":["true"],"MacAddress":"02:aa:bb:cc:dd:03"}'
	[[ $output == "201 "*"container-wide MacAddress field is now deprecated"* ]]
	run api POST '/v1.44/containers/create' '{"Image":"busybox","Cmd":["true"],"MacAddress":"02:aa:bb:cc:dd:03","HostConfig":{"NetworkMode":"red"},"NetworkingConfig":{"EndpointsConfig":{"red":{"MacAddress":"02:aa:bb:cc:dd:04"}}}}'
	[[ $output == "400 "*"must match the endpoint-specific MAC address"* ]]
	run api POST '/v1.43/containers/create' '{"Image":"busybox","Cmd":["true"],"MacAddress":"02:aa:bb:cc:dd:03","HostConfig":{"NetworkMode":"host"}}'
	[[ $output == "400 "*"conflicting options: mac-address and the network mode"* ]]
}

@test "names: aliases as given, DNSNames with name, short id and host name, a rename" {
	id=$(docker run -d --name c1 --hostname box --network red --network-alias db --network-alias c1 busybox sleep 100)
	[ "$(of c1 red Aliases)" = '["db","c1"]' ]
	[ "$(of c1 red DNSNames)" = "[\"c1\",\"db\",\"${id:0:12}\",\"box\"]" ]
	run api GET /v1.44/containers/c1/json
	[[ $output == *"\"Aliases\":[\"db\",\"c1\",\"${id:0:12}\",\"box\"]"* ]]
	docker rename c1 c9
	[ "$(of c9 red DNSNames)" = "[\"c9\",\"db\",\"c1\",\"${id:0:12}\",\"box\"]" ]
	docker run -d --name c2 busybox sleep 100
	[ "$(of c2 bridge DNSNames)" = null ]
	run api POST /containers/create '{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"default":{"Aliases":["x"]}}}}'
	[[ $output == "400 "*"invalid config for network bridge: invalid endpoint settings:"*"network-scoped alias is supported only for containers in user defined networks"* ]]
}

@test "links of the default bridge: hosts, environment, restarts, rm --link" {
	docker run -d --name db -e PASSWORD=x --expose 5432 --expose 53/udp busybox sleep 100
	ip=$(docker inspect db -f '{{.NetworkSettings.IPAddress}}')
	docker run -d --name app --link db:my-db busybox sleep 100
	run docker exec app cat /etc/hosts
	[[ $output == *"$ip"$'\t'"my-db $(docker inspect db -f '{{.Config.Hostname}}') db"* ]]
	run docker exec app env
	[ "$(sort <<<"$output" | grep MY_DB)" = "$(docker exec app sh -c "tr '\\000' '\\n' </proc/1/environ" | sort | grep MY_DB)" ]
	[[ $output == *"MY_DB_NAME=/app/my-db"* && $output == *"MY_DB_PORT=tcp://$ip:5432"* ]]
	[[ $output == *"MY_DB_PORT_5432_TCP_ADDR=$ip"* && $output == *"MY_DB_PORT_53_UDP_PROTO=udp"* ]]
	[[ $output == *"MY_DB_ENV_PASSWORD=x"* ]]
	[ "$(docker inspect app -f '{{json .HostConfig.Links}}')" = '["/db:/app/my-db"]' ]
	docker run -d --name between busybox sleep 100 # takes the next address
	docker restart -t 0 db
	ip=$(docker inspect db -f '{{.NetworkSettings.IPAddress}}')
	[ "$(docker exec app grep -c my-db /etc/hosts)" = 1 ]
	docker exec app grep -q "^$ip.my-db" /etc/hosts
	docker rm --link app/my-db
	[ "$(docker inspect app -f '{{json .HostConfig.Links}}')" = null ]
	run ! docker exec app grep -q my-db /etc/hosts
	run -1 docker rm --link app/my-db
	run -125 docker run --rm --link nope busybox true
	[[ $output == *"could not get container for nope"* ]]
	docker stop -t 0 db
	run docker run --rm --link db busybox true
	[[ $output == *"Cannot link to a non running container: /db AS /"* ]]
	run -125 docker run --rm --network host --link db busybox true
	[[ $output == *"host type networking can't be used with links"* ]]
}

@test "links in a network of one's own stay with the endpoint" {
	docker run -d --name db --network red busybox sleep 100
	docker run -d --name app --network red --link db:store busybox sleep 100
	[ "$(of app red Links)" = '["db:store"]' ]
	[ "$(docker inspect app -f '{{json .HostConfig.Links}}')" = null ]
	run docker exec app env
	[[ $output != *STORE_NAME* ]]
}

@test "active networks are not removed, nor pruned" {
	docker network create --subnet $S.9.0/24 short
	docker run -d --name c1 --network red busybox sleep 100
	docker network connect short c1
	run -1 docker network rm short
	[[ $output == *"network short id "*" has active endpoints"* ]]
	run docker network prune -f
	[[ $output != *short* ]]
	docker network disconnect short c1
	docker network rm short
}

@test "disconnect --force: of a container that is gone, and from a network that is gone" {
	run api POST /networks/red/disconnect '{"Container":"gone"}'
	[[ $output == '404 '*'No such container: gone'* ]]
	run api POST /networks/red/disconnect '{"Container":"gone","Force":true}'
	[[ $output == '404 '*'endpoint gone not found'* ]]
	docker network create --subnet $S.9.0/24 short
	docker create --name c1 --network red busybox sleep 100
	docker network connect short c1
	docker network rm short
	run -1 docker start c1
	[[ $output == *"network short not found"* ]]
	docker network disconnect --force short c1
	docker start c1
}

@test "events: connect and disconnect name the container and the network" {
	docker run -d --name c1 --network red busybox sleep 100
	id=$(docker inspect c1 -f '{{.Id}}')
	since=$(date +%s.%N)
	docker network connect blue c1
	docker network disconnect blue c1
	run docker events --since "$since" --until "$(date +%s.%N)" --filter type=network \
		--format '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.container}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}'
	net=$(docker network inspect blue -f '{{.Id}}')
	[ "$output" = "connect $net $id blue bridge"$'\n'"disconnect $net $id blue bridge" ]
}

@test "filters: networks of containers, what is published and exposed" {
	docker run -d --name c1 --network red -p 127.0.0.1:18123:80 --expose 99 busybox sleep 100
	docker network connect blue c1
	docker run -d --name c2 busybox sleep 100
	names() { docker ps --format '{{.Names}}' --filter "$1"; }
	[ "$(names network=blue)" = c1 ]
	[ "$(names "network=$(docker network inspect blue -f '{{.Id}}')")" = c1 ]
	[ "$(names network=bridge)" = c2 ]
	[ "$(names publish=18123)" = c1 ]
	[ -z "$(names publish=18124)" ]
	[ "$(names expose=99/tcp)" = c1 ]
	[ "$(docker network ls -q --filter dangling=true | wc -l)" = 1 ]
	[ "$(docker network ls --format '{{.Name}}' --filter driver=bridge --filter scope=local --filter name=^bl)" = blue ]
}

@test "host and none: endpoints without addresses, in inspect and events" {
	since=$(date +%s.%N)
	id=$(docker run -d --name c1 --network host busybox sleep 100)
	docker run -d --name c2 --network none busybox sleep 100
	[ "$(of c1 host NetworkID)" = "\"$(docker network inspect host -f '{{.Id}}')\"" ]
	[[ $(of c1 host EndpointID) =~ ^\"[0-9a-f]{64}\"$ && $(of c2 none EndpointID) =~ ^\"[0-9a-f]{64}\"$ ]]
	[ "$(of c1 host IPAddress)$(of c1 host Gateway)" = '""""' ]
	docker network inspect host -f "{{(index .Containers \"$id\").Name}}" | grep -qx c1
	run docker network inspect none -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}.{{end}}'
	[ "$output" = "c2 ." ]
	run docker exec c2 ip -o addr
	[[ $output != *eth0* ]]
	daemon_stop KILL
	daemon_start
	[[ $(of c1 host EndpointID) =~ ^\"[0-9a-f]{64}\"$ ]]
	docker network disconnect none c2
	docker network connect red c2
	[ "$(addresses c2)" = "eth0 $S.1.2/24" ]
	docker rm -f c1
	run docker events --since "$since" --until "$(date +%s.%N)" --filter type=network --format '{{.Action}} {{.Actor.Attributes.type}}'
	[[ $output == *"disconnect host"* ]]
}

@test "stats: one entry per interface" {
	docker run -d --name c1 --network red --network blue busybox sleep 100
	run api GET '/containers/c1/stats?stream=0&one-shot=1'
	[ "$(python3 -c 'import sys, json; print(sorted(json.loads(sys.argv[1][4:])["networks"]))' "$output")" = "['eth0', 'eth1']" ]
}

@test "daemon killed: endpoints go on, connect and disconnect work after" {
	docker run -d --name web --network red --network inside -p 127.0.0.1:0:80 busybox httpd -f -h /etc
	docker network connect blue web
	port=$(docker port web 80/tcp); port=${port##*:}
	before=$(docker inspect web -f '{{json .NetworkSettings.Networks}}')
	daemon_stop KILL
	curl -fsS "http://127.0.0.1:$port/hostname"
	daemon_start
	[ "$(docker inspect web -f '{{json .NetworkSettings.Networks}}')" = "$before" ]
	docker network disconnect blue web
	curl -fsS "http://127.0.0.1:$port/hostname"
	docker network connect blue web
	[ "$(addresses web)" = "eth0 $S.1.2/24 eth2 $S.3.2/24 eth1 $S.2.3/24" ] ||
		[[ $(addresses web) == "eth0 $S.1."*" eth1 $S."*" eth2 $S."* ]] || { addresses web; false; }
	docker rm -f web
	docker run --rm --network blue busybox true
}
