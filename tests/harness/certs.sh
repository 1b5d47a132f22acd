#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# certs.sh FOLDER: a CA, a server for 127.0.0.1 and localhost, and clients: a good one
# (client/), one of another CA (stranger/), one whose time is over (old/), one whose
# certificate is for servers only (wrong/). Each folder is a DOCKER_CERT_PATH.
set -eu
mkdir -p "$1" && cd "$1"

ca() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj "/CN=$1 CA" -addext keyUsage=critical,keyCertSign -keyout "$1-ca-key.pem" -out "$1-ca.pem" 2>/dev/null
}
sign() { # CA FOLDER SUBJECT PURPOSE [x509 options]
	mkdir -p "$2"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$3" -keyout "$2/key.pem" -out "$2/csr" 2>/dev/null
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%s\n' "$4" >"$2/ext"
	openssl x509 -req -in "$2/csr" -CA "$1-ca.pem" -CAkey "$1-ca-key.pem" -CAcreateserial \
		-extfile "$2/ext" -out "$2/cert.pem" "${@:5}" 2>/dev/null
	cp "$1-ca.pem" "$2/ca.pem"
	rm "$2/csr" "$2/ext"
}

ca good
ca other
sign good server "/CN=localhost" serverAuth -days 2
sign good client "/O=tests/CN=alice" clientAuth -days 2
sign other stranger "/CN=mallory" clientAuth -days 2
cp good-ca.pem stranger/ca.pem
sign good old "/CN=bob" clientAuth -days -1
sign good wrong "/CN=server" serverAuth -days 2
