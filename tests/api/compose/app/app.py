"""Counts visits in the database."""
import http.server
import os
import socketserver

import redis

store = redis.Redis(host=os.environ["DB_HOST"])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"alive" if self.path == "/alive" else f"{os.environ['GREETING']} {store.incr('visits')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


print("serving", flush=True)
Server(("", 8000), Handler).serve_forever()
