# SPDX-License-Identifier: GPL-2.0-or-later
"""attach and exec over a bare socket: what no command line can be made to do.
usage: attach.py SOCKET TEST [ARGUMENT...]"""
import json
import socket
import sys
import time

PATH = sys.argv[1]


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(PATH)
    return s


def post(path, body=None, upgrade=False):
    """Sends; returns (socket, status, headers, bytes behind the headers)."""
    s = connect()
    data = json.dumps(body).encode() if body is not None else b''
    head = f'POST {path} HTTP/1.1\r\nHost: d\r\nContent-Length: {len(data)}\r\n'
    if data:
        head += 'Content-Type: application/json\r\n'
    if upgrade:
        head += 'Connection: Upgrade\r\nUpgrade: tcp\r\n'
    s.sendall(head.encode() + b'\r\n' + data)
    got = b''
    while b'\r\n\r\n' not in got:
        part = s.recv(65536)
        assert part, got
        got += part
    top, rest = got.split(b'\r\n\r\n', 1)
    return s, int(top.split()[1]), top.decode(), rest


def call(method, path, body=None):
    """An ordinary request; (status, JSON or text)."""
    s = connect()
    data = json.dumps(body).encode() if body is not None else b''
    head = f'{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: {len(data)}\r\n'
    if data:
        head += 'Content-Type: application/json\r\n'
    s.sendall(head.encode() + b'\r\n' + data)
    got = b''
    while part := s.recv(65536):
        got += part
    top, rest = got.split(b'\r\n\r\n', 1)
    if b'chunked' in top:
        out = b''
        while rest:
            n, rest = rest.split(b'\r\n', 1)
            out, rest = out + rest[:int(n, 16)], rest[int(n, 16) + 2:]
        rest = out
    return int(top.split()[1]), json.loads(rest) if rest.startswith((b'{', b'[')) else rest


def read_all(s, got=b''):
    while part := s.recv(65536):
        got += part
    return got


def frames(data):
    """[(stream, payload)] and nothing left over."""
    out = []
    while data:
        assert len(data) >= 8, data
        n = int.from_bytes(data[4:8], 'big')
        out.append((data[0], data[8:8 + n]))
        assert len(data) >= 8 + n
        data = data[8 + n:]
    return out


def text(data, stream=1):
    return b''.join(p for s, p in frames(data) if s == stream)


def until(s, got, wanted):
    while wanted not in got:
        part = s.recv(65536)
        assert part, got
        got += part
    return got


def exec_create(container, cmd, **more):
    status, answer = call('POST', f'/containers/{container}/exec',
                          {'AttachStdout': True, 'AttachStderr': True, 'Cmd': cmd, **more})
    assert status == 201, (status, answer)
    return answer['Id']


def logs_only(name):
    s, status, _, rest = post(f'/containers/{name}/attach?logs=1&stdout=1&stderr=1', upgrade=True)
    data = read_all(s, rest)
    assert status == 101, status
    print(text(data).decode(), end='')
    print(text(data, 2).decode(), end='')


def logs_and_stream(name):
    """A long log that nobody reads holds up nobody; then all of it, and what comes after."""
    s, status, _, rest = post(f'/containers/{name}/attach?logs=1&stream=1&stdout=1', upgrade=True)
    assert status == 101, status
    begin = time.monotonic()
    for _ in range(5):
        assert call('GET', '/_ping')[0] == 200
    assert time.monotonic() - begin < 1, 'others are held up'
    time.sleep(0.5)
    call('POST', f'/containers/{name}/kill?signal=USR1')
    out = text(read_all(s, rest)).decode().split('\n')
    assert out[:3] == ['1', '2', '3'] and '60000' in out and 'live' in out, (out[:3], out[-3:])
    assert out.index('live') > out.index('60000')


def detach_keys(name, keys, typed):
    s, status, _, rest = post(f'/containers/{name}/attach?stream=1&stdin=1&stdout=1&detachKeys={keys}', upgrade=True)
    assert status == 101, status
    s.sendall(b'echo a-typed-line\n')
    got = until(s, rest, b'a-typed-line\r\na-typed-line')
    s.sendall(bytes.fromhex(typed))
    read_all(s, got)


def exec_detach_keys(name):
    e = exec_create(name, ['sh'], AttachStdin=True, Tty=True, DetachKeys='ctrl-a,b')
    s, status, _, rest = post(f'/exec/{e}/start', {'Tty': True}, upgrade=True)
    assert status == 101, status
    assert call('POST', f'/exec/{e}/resize?h=33&w=77')[0] == 200
    s.sendall(b'stty size\n')
    until(s, rest, b'33 77')
    s.sendall(b'\x01b')
    read_all(s)
    info = call('GET', f'/exec/{e}/json')[1]
    assert info['Running'] and info['ExitCode'] is None, info


def half_close(name):
    """StdinOnce without a terminal: EOF closes the container's stdin, its output goes on to the end."""
    s, status, _, rest = post(f'/containers/{name}/attach?stream=1&stdin=1&stdout=1', upgrade=True)
    assert status == 101, status
    assert call('POST', f'/containers/{name}/start')[0] == 204
    s.sendall(b'one\ntwo\n')
    s.shutdown(socket.SHUT_WR)
    assert text(read_all(s, rest)) == b'one\ntwo\nend\n'


def exec_code_first(name):
    """Running=false and the code are there before the stream ends; a second start is refused."""
    for code in (0, 7):
        e = exec_create(name, ['sh', '-c', f'echo out; echo err >&2; exit {code}'])
        info = call('GET', f'/exec/{e}/json')[1]
        assert not info['Running'] and info['ExitCode'] is None and info['Pid'] == 0, info
        s, status, _, rest = post(f'/exec/{e}/start', {'Detach': False}, upgrade=True)
        data = read_all(s, rest)
        info = call('GET', f'/exec/{e}/json')[1]
        assert status == 101 and not info['Running'] and info['ExitCode'] == code, info
        assert text(data) == b'out\n' and text(data, 2) == b'err\n', data
        assert call('POST', f'/exec/{e}/start', {})[0] == 409


def exec_ids(name):
    e = exec_create(name, ['sleep', '1000'])
    assert e in call('GET', f'/containers/{name}/json')[1]['ExecIDs']
    status, _ = call('POST', f'/exec/{e}/start', {'Detach': True})
    info = call('GET', f'/exec/{e}/json')[1]
    assert status == 200 and info['Running'] and info['Pid'] > 0, (status, info)
    assert e in call('GET', f'/containers/{name}/json')[1]['ExecIDs']
    status, answer = call('POST', f'/exec/{e}/start', {'Detach': True})
    assert (status, answer['message']) == (409, f'exec command {e} is already running'), answer


def many(name, count):
    """count detached execs, and as many that are never started."""
    for _ in range(int(count)):
        assert call('POST', f'/exec/{exec_create(name, ["true"])}/start', {'Detach': True})[0] == 200
        exec_create(name, ['true'])


def stalled(name):
    """A client that reads nothing of a container that writes a lot."""
    s, status, _, _ = post(f'/containers/{name}/attach?stream=1&stdout=1', upgrade=True)
    assert status == 101, status
    assert call('POST', f'/containers/{name}/start')[0] == 204
    status, answer = call('POST', f'/containers/{name}/wait')
    assert answer['StatusCode'] == 0, answer
    s.close()


def refusals(name):
    rows = [('POST', f'/containers/{name}/attach?stream=1&detachKeys=ctrl-', None, 400, 'Invalid detach keys (ctrl-) provided'),
            ('POST', f'/containers/{name}/exec', {'Cmd': ['true'], 'DetachKeys': 'nope'}, 400,
             'Invalid escape keys (nope) provided'),
            ('POST', f'/containers/{name}/exec', {'Cmd': []}, 400, 'No exec command specified'),
            ('POST', '/containers/nope/exec', {'Cmd': ['true']}, 404, 'No such container: nope'),
            ('POST', '/exec/' + 'a' * 64 + '/start', {}, 404, 'No such exec instance: ' + 'a' * 64),
            ('GET', '/exec/nope/json', None, 404, 'No such exec instance: nope'),
            ('POST', f'/containers/{name}/resize?h=x&w=1', None, 400, None)]
    for method, path, body, status, message in rows:
        got, answer = call(method, path, body)
        assert got == status and message in (None, answer['message']), (path, got, answer)


globals()[sys.argv[2]](*sys.argv[3:])
