# SPDX-License-Identifier: GPL-2.0-or-later
# docker-compose of the distribution, unchanged, on a shop of three services built
# from the distribution's packages: networks, volumes, health, start order.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() {
	command -v docker-compose >/dev/null || skip "docker-compose is not installed"
	[[ $(docker-compose version --short) == 1.* ]] || skip "docker-compose is another than the API's oldest client, version 1"
	daemon_setup
	"$TOP/rootfs-fixtures/debian.sh" "$CRL/debian.tar" >"$CRL/debian.log" 2>&1 || skip "no base image: $(tail -n 1 "$CRL/debian.log")"
	crun-lite load -q -i "$CRL/debian.tar" >/dev/null
	rm "$CRL/debian.tar"
	cp -r "$BATS_TEST_DIRNAME/compose" "$CRL/shop"
	export COMPOSE_PROJECT_NAME=shop COMPOSE_HTTP_TIMEOUT=120
}
teardown_file() {
	(cd "$CRL/shop" 2>/dev/null && docker-compose down -v -t 1 >/dev/null 2>&1)
	daemon_teardown
}
setup() { cd "$CRL/shop" || return 1; }

port() { docker-compose port web 80 | sed 's/.*://'; }
visit() { curl -fsS --max-time 10 "http://127.0.0.1:$(port)/$1"; }

@test "build: three images from the distribution's packages" {
	run docker-compose build
	[ "$status" -eq 0 ] || { echo "$output" | tail -n 30; false; }
	[ "$(docker images -q --filter reference='shop_*' | wc -l)" = 3 ]
}

@test "up: in the order of health, each on its networks" {
	run docker-compose up -d
	[ "$status" -eq 0 ] || { echo "$output" | tail -n 30; false; }
	run docker-compose ps
	[[ $output == *"shop_db_1"*"Up (healthy)"* && $output == *"shop_app_1"*"Up (healthy)"* ]]
	db=$(docker inspect -f '{{(index .State.Health.Log 0).End.UnixNano}}' shop_db_1)
	app=$(docker inspect -f '{{.Created}}' shop_app_1)
	# app was started after the first good check of db, web after that of app
	started() { date -d "$(docker inspect -f '{{.State.StartedAt}}' "$1")" +%s%N; }
	[ "$(started shop_db_1)" -lt "$(started shop_app_1)" ]
	[ "$(started shop_app_1)" -lt "$(started shop_web_1)" ]
	[ -n "$db$app" ]
}

@test "requests go through web and app to the database, by their names" {
	run visit ""
	[ "$output" = "counted 1" ]
	run visit ""
	[ "$output" = "counted 2" ]
	run visit page/
	[ "$output" = "a page from the host" ]
}

@test "web is not on the network of the database, and that one has no way out" {
	run docker-compose exec -T web getent hosts db
	[ "$status" -ne 0 ]
	run docker-compose exec -T app getent hosts database
	[ "$status" -eq 0 ]
	run docker-compose exec -T db sh -c 'ls /sys/class/net; cat /proc/net/route | wc -l'
	[[ $output == *eth0* && $output != *eth1* ]]
}

@test "scale: three of app share the name, and all are asked" {
	run docker-compose up -d --scale app=3 --no-recreate
	[ "$status" -eq 0 ] || { echo "$output" | tail -n 30; false; }
	[ "$(docker-compose exec -T web getent ahostsv4 backend | awk '{print $1}' | sort -u | wc -l)" = 3 ]
	docker-compose up -d --scale app=1 --no-recreate
	run visit ""
	[[ $output == "counted "* ]]
}

@test "stop, start, restart: the volume keeps what was counted" {
	run docker-compose restart -t 3
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	wait_until 20 visit ""
	before=$(visit "" | tr -dc 0-9)
	docker-compose stop -t 3
	[ -z "$(docker-compose ps -q | xargs docker inspect -f '{{if .State.Running}}up{{end}}' | tr -d '\n')" ]
	docker-compose start
	wait_until 20 visit ""
	[ "$(visit "" | tr -dc 0-9)" -gt "$before" ]
}

@test "kill -9 of the daemon: the shop goes on, and is known again" {
	port=$(port)
	daemon_stop KILL
	run curl -fsS --max-time 10 "http://127.0.0.1:$port/"
	[[ $output == "counted "* ]]
	daemon_start
	[ "$(port)" = "$port" ]
	run visit ""
	[[ $output == "counted "* ]]
}

@test "logs, exec, run, events, top, images, config changes" {
	run docker-compose logs --no-color --tail 3 app
	[[ $output == *"app_1"* ]]
	run docker-compose exec -T db redis-cli get visits
	[[ $output =~ ^[0-9]+ ]]
	run docker-compose run --rm --no-deps -T app -c 'print(6*7)'
	[[ $output == *42* ]]
	run docker-compose top
	[[ $output == *redis-server* ]]
	run docker-compose images
	[[ $output == *shop_web* ]]
	sed -i 's/GREETING: "counted"/GREETING: "seen"/' docker-compose.yml
	run docker-compose up -d --build
	[ "$status" -eq 0 ] || { echo "$output" | tail -n 30; false; }
	wait_until 20 visit ""
	run visit ""
	[[ $output == "seen "* ]]
}

@test "down: nothing is left" {
	run docker-compose down -v -t 1 --rmi local
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ -z "$(docker ps -aq)" ]
	[ -z "$(docker network ls -q --filter name=shop_)" ]
	[ -z "$(docker volume ls -q --filter name=shop_)" ]
}
