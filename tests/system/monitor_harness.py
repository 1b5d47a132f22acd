#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays the daemon for one crun-lite-monitor: include/crun-lite/monitor_proto.h.

    monitor_harness.py MONITOR [--real BUSYBOX] [TEST|GROUP...]

Runs the tests named (all without a name) and prints TAP. Groups are life,
streams, terminals, exec, log, faults, cost. Without --real,
MONITOR is the build with the stand-in runtime (tests/unit/monitor), whose
container is a plain process; with it, containers are real, made from a busybox.
"""
import array
import base64
import glob
import json
import multiprocessing
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time

MSG_MAX = 192 * 1024
REAL = None  # path of a static busybox


class Failed(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


class Process:
    """The monitor's process: /dev/null, /dev/null, a log, the listening socket; nothing else."""

    def __init__(self, argv, stderr, listener, env):
        self.returncode = None
        self.pid = os.posix_spawn(argv[0], argv, env, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, '/dev/null', os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, stderr, 2), (os.POSIX_SPAWN_DUP2, listener, 3)],
            setsigdef=[s for s in signal.Signals if s not in (signal.SIGKILL, signal.SIGSTOP)])

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=10):
        end = time.monotonic() + timeout
        while self.poll() is None:
            check(time.monotonic() < end, 'the monitor does not end')
            time.sleep(0.005)
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Monitor:
    """A monitor with its folders, and one connection to it."""

    def __init__(self, durable=False, env=None):
        self.dir = tempfile.mkdtemp(prefix='crl-mon-')
        self.cdir = os.path.join(self.dir, 'container')
        os.mkdir(self.cdir)
        self.id = os.urandom(32).hex()
        self.seq = 0
        self.events = []
        self.durable = durable
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock_path = os.path.join(self.dir, 'monitor.sock')
        listener.bind(self.sock_path)
        listener.listen()
        self.sock = self.connect()
        self.stderr = open(os.path.join(self.dir, 'stderr'), 'w+')
        self.t_spawn = time.monotonic()
        self.proc = Process(
            [BINARY, '--id', self.id, '--container-dir', self.cdir, '--run-dir', self.dir],
            self.stderr.fileno(), listener.fileno(), dict(os.environ, **(env or {})))
        listener.close()

    def connect(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(self.sock_path)
        s.settimeout(15)
        return s

    # --- messages ---

    def send(self, op, fds=(), sock=None, **fields):
        self.seq += 1
        data = json.dumps({'op': op, 'seq': self.seq, **fields}).encode()
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        (sock or self.sock).sendmsg([data], anc)
        return self.seq

    def receive(self, sock=None):
        data = (sock or self.sock).recv(MSG_MAX)
        if not data:
            raise Failed('the monitor hung up: ' + self.log())
        return json.loads(data)

    def request(self, op, fds=(), sock=None, **fields):
        """The answer; events on the way are kept."""
        seq = self.send(op, fds, sock, **fields)
        while True:
            m = self.receive(sock)
            if m.get('seq') == seq:
                return m
            self.events.append(m)

    def ok(self, op, fds=(), sock=None, **fields):
        m = self.request(op, fds, sock, **fields)
        check('error' not in m, f'{op}: {m}')
        return m

    def event(self, name, timeout=15):
        end = time.monotonic() + timeout
        while True:
            for i, m in enumerate(self.events):
                if m.get('event') == name:
                    return self.events.pop(i)
            if not select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed(f'no event {name} within {timeout} s: ' + self.log())
            self.events.append(self.receive())

    # --- containers ---

    def spec(self, args, tty=False, namespaces=('pid', 'mount', 'uts', 'ipc', 'cgroup', 'network')):
        process = {'terminal': tty, 'user': {'uid': 0, 'gid': 0}, 'args': args, 'cwd': '/',
                   'env': ['PATH=/bin:/usr/bin:/sbin', 'HOME=/root']}
        spec = {'ociVersion': '1.2.0', 'process': process, 'root': {'path': 'rootfs'}}
        if REAL:
            root = os.path.join(self.cdir, 'rootfs')
            if not os.path.exists(root) and not os.path.exists(os.path.join(self.cdir, 'base')):
                for d in ('bin', 'proc', 'dev', 'sys', 'tmp', 'root', 'etc'):
                    os.makedirs(os.path.join(root, d))
                shutil.copy(REAL, os.path.join(root, 'bin/busybox'))
                for name in ('sh', 'cat', 'sleep', 'true', 'echo', 'head', 'yes', 'stty', 'dd',
                             'id', 'seq', 'kill', 'printf', 'touch', 'test', 'wc', 'tr', 'tty'):
                    os.symlink('busybox', os.path.join(root, 'bin', name))
            caps = ['CAP_CHOWN', 'CAP_KILL', 'CAP_SETUID', 'CAP_SETGID']
            process['capabilities'] = {k: caps for k in ('bounding', 'effective', 'permitted')}
            spec['mounts'] = [
                {'destination': '/proc', 'type': 'proc', 'source': 'proc'},
                {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs',
                 'options': ['nosuid', 'strictatime', 'mode=755', 'size=65536k']},
                {'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts',
                 'options': ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620']}]
            spec['linux'] = {'namespaces': [{'type': n} for n in namespaces],
                             'cgroupsPath': f'/crl-mon-test/{self.id}'}
        return spec

    def start_fields(self, args, tty=False, log=True, **fields):
        kw = {k: fields.pop(k) for k in ('namespaces',) if k in fields}
        path = os.path.join(self.cdir, 'config.json')
        with open(path, 'w') as f:
            json.dump(self.spec(args, tty, **kw), f)
        self.logpath = os.path.join(self.cdir, 'log.json')
        msg = {'config': path, 'tty': tty, 'durable': self.durable,
               'log': {'driver': 'json-file', 'path': self.logpath} if log else {'driver': 'none'}}
        msg.update(fields)
        return msg

    def start(self, args, fds=(), **fields):
        return self.ok('start', fds, **self.start_fields(args, **fields))

    def sh(self, script, fds=(), **fields):
        return self.start(['/bin/sh', '-c', script], fds, **fields)

    def exec_fields(self, exec_id, args, **fields):
        return {'exec_id': exec_id, 'process': self.spec(args)['process'], **fields}

    def logs(self, stream=None):
        with open(self.logpath) as f:
            lines = [json.loads(x) for x in f]
        return ''.join(x['log'] for x in lines if stream in (None, x['stream']))

    def log(self):
        with open(self.stderr.name) as f:
            return f.read()

    def release(self):
        self.ok('release')
        check(self.proc.wait(10) == 0, f'exit status of the monitor: {self.log()}')

    def memory(self):
        with open(f'/proc/{self.proc.pid}/smaps_rollup') as f:
            rows = dict(line.split(':', 1) for line in f if ':' in line and 'rollup' not in line)
        return {k: int(v.split()[0]) for k, v in rows.items()}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.sock.close()
        self.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Client:
    """A client's end of an upgraded connection."""

    def __init__(self, tcp=False):
        if tcp:
            l = socket.create_server(('127.0.0.1', 0))
            self.sock = socket.create_connection(l.getsockname())
            self.theirs = l.accept()[0]
        else:
            self.sock, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.sock.settimeout(15)

    def give(self):
        """The monitor has it now: drop our copy, as the daemon does."""
        self.theirs.close()

    def read_all(self):
        out = b''
        while True:
            data = self.sock.recv(65536)
            if not data:
                return out
            out += data

    def read_until(self, text):
        out = b''
        while text not in out:
            data = self.sock.recv(65536)
            if not data:
                raise Failed(f'end of stream before {text!r}: {out!r}')
            out += data
        return out


def frames(data):
    out = {1: b'', 2: b''}
    while data:
        check(len(data) >= 8, 'half a frame header')
        stream, n = struct.unpack('>BxxxI', data[:8])
        check(len(data) >= 8 + n, 'half a frame')
        out[stream] += data[8:8 + n]
        data = data[8 + n:]
    return out


ALL = {'stdout': True, 'stderr': True}
IN = {'stdin': True, **ALL}
TESTS = []
GROUP = None


def test(f):
    f.group = GROUP
    TESTS.append(f)
    return f


def real_only(f):
    f.real_only = True
    return f


def needs_failpoints(f):
    f.needs_failpoints = True
    return f


# --- the life of a container ---
GROUP = 'life'

@test
def hello_and_exit():
    """hello tells the state; the exit event carries the code; release ends the monitor"""
    with Monitor() as m:
        check(m.ok('hello')['status'] == 'idle', 'idle before the start')
        st = m.sh('echo out; echo err >&2; exit 7')
        check(st['pid'] > 0 and int(st['started_at']) > 0 and st['start_ticks'] > 0, f'{st}')
        x = m.event('exit')
        check(x['exit_code'] == 7 and int(x['finished_at']) >= int(st['started_at']), f'{x}')
        check(m.logs('stdout') == 'out\n' and m.logs('stderr') == 'err\n', m.logs())
        h = m.ok('hello')
        check(h['status'] == 'exited' and h['exit']['exit_code'] == 7, f'{h}')
        m.release()


@test
def exit_by_signal():
    """a signal gives 128+n, in the event and in the record"""
    with Monitor(durable=True) as m:
        m.start(['/bin/sleep', '1000'])
        m.ok('signal', signal=9)
        x = m.event('exit')
        check(x['exit_code'] == 137 and x['signal'] == 9, f'{x}')
        with open(os.path.join(m.cdir, 'exit'), 'rb') as f:
            rec = f.read()
        magic, version, state, code, sig = struct.unpack_from('<IIIii', rec)
        check(len(rec) == 128 and magic == 0x58455243 and version == 1, 'record')
        check((state, code, sig) == (1, 137, 9), f'record {(state, code, sig)}')
        m.release()


@test
def record_is_reserved_before_the_start():
    """while it runs the exit record says: started, end not seen"""
    with Monitor() as m:
        st = m.start(['/bin/sleep', '1000'])
        m.ok('hello')
        with open(os.path.join(m.cdir, 'exit'), 'rb') as f:
            rec = f.read()
        state, pid = struct.unpack_from('<I', rec, 8)[0], struct.unpack_from('<q', rec, 24)[0]
        check(state == 0 and pid == st['pid'], f'state {state} pid {pid}')
        m.ok('signal', signal=9)
        m.event('exit')


@test
def start_failures():
    """127 and 126, nothing left, and the same monitor starts again"""
    with Monitor() as m:
        for args, code in ((['/nope'], 127), (['/etc'], 126)):
            e = m.request('start', **m.start_fields(args))['error']
            check(e['exit_code'] == code and e['message'].startswith('exec: '), f'{args}: {e}')
        check(not os.path.exists(os.path.join(m.cdir, 'exit')), 'a record of no life')
        e = m.request('start', config='/nope/config.json')['error']
        check(e['exit_code'] == 125 and 'config.json' in e['message'], f'{e}')
        m.sh('exit 3')
        check(m.event('exit')['exit_code'] == 3, 'after failures')
        m.release()


@test
def bad_messages():
    """unknown operations and wrong types are answered, broken JSON ends that connection only"""
    with Monitor() as m:
        check('not known' in m.request('dance')['error']['message'], 'unknown op')
        check('error' in m.request('start', config=7), 'wrong type')
        check('error' in m.request('signal', signal=15), 'signal while idle')
        check('error' in m.request('attach', stdout=True), 'attach while idle')
        check('error' in m.request('resize', exec_id='x', rows=1, cols=1), 'no such exec')
        other = m.connect()
        for bad in (b'{', b'[]', b'{"op":"hello"}', b'\0' * 100, b'{"op":"hello","seq":0}'):
            other = m.connect()
            other.send(bad)
            check(other.recv(100) == b'', f'{bad}: expected a hang-up')
        m.ok('hello')


@test
def second_daemon_sees_events():
    """after the first connection is gone a new one learns how it ended"""
    with Monitor() as m:
        m.sh('sleep 0.3; exit 5')
        other = m.connect()
        m.sock.close()
        m.sock = other
        check(m.ok('hello')['status'] in ('running', 'exited'), 'hello again')
        check(m.event('exit')['exit_code'] == 5, 'exit to the new one')
        m.release()


@test
def daemon_gone_log_goes_on():
    """without any daemon the log is complete and the record is written; then the monitor ends"""
    with Monitor() as m:
        m.sh('i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; exit 9')
        m.sock.close()
        t = time.monotonic()
        check(m.proc.wait(20) == 0, 'the lonely monitor ends by itself')
        check(time.monotonic() - t > 5, 'but not at once')
        check(m.logs() == ''.join(f'line {i}\n' for i in range(200)), 'the log')
        with open(os.path.join(m.cdir, 'exit'), 'rb') as f:
            check(struct.unpack_from('<Ii', f.read(), 8) == (1, 9), 'the record')


@test
def monitor_killed_takes_the_container():
    """SIGKILL to the monitor kills the container"""
    with Monitor() as m:
        pid = m.start(['/bin/sleep', '1000'])['pid']
        m.proc.kill()
        m.proc.wait()
        for _ in range(100):
            try:
                with open(f'/proc/{pid}/stat') as f:
                    if f.read().rsplit(')', 1)[1].split()[0] == 'Z':
                        return
            except FileNotFoundError:
                return
            time.sleep(0.02)
        raise Failed('the container lives on')


@test
def signals_do_not_end_the_monitor():
    """SIGTERM and friends to the monitor are forgotten, and not inherited as ignored"""
    with Monitor() as m:
        pid = m.start(['/bin/sleep', '1000'])['pid']
        for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            m.proc.send_signal(s)
        m.ok('hello')
        with open(f'/proc/{pid}/status') as f:
            status = dict(l.split(':\t', 1) for l in f.read().splitlines() if ':\t' in l)
        # 32 and 33 belong to the C library: whoever started us may have them ignored.
        check(int(status['SigIgn'], 16) & ~(3 << 31) == 0, 'ignored: ' + status['SigIgn'])
        check(int(status['SigBlk'], 16) == 0, 'blocked: ' + status['SigBlk'])
        check(os.getsid(m.proc.pid) == m.proc.pid, 'session')
        m.ok('signal', signal=9)
        m.event('exit')
        m.release()


# --- streams ---
def with_layers(m, fields):
    """The root as a lower layer, an empty one above it, and a writable one."""
    base = os.path.join(m.cdir, 'base')
    if not os.path.exists(base):
        os.rename(os.path.join(m.cdir, 'rootfs'), base)
        for d in ('top/etc', 'upper', 'work'):
            os.makedirs(os.path.join(m.cdir, d))
    return {**fields, 'lowers': [os.path.join(m.cdir, 'top'), base],
            'upper': os.path.join(m.cdir, 'upper'), 'work': os.path.join(m.cdir, 'work')}


@test
@real_only
def overlay_root():
    """layers given as lowers: the upper one takes the writes, nothing is mounted on the host"""
    with Monitor() as m:
        with_layers(m, m.start_fields(['/bin/true']))
        with open(os.path.join(m.cdir, 'top/etc/from-top'), 'w') as f:
            f.write('top\n')
        m.ok('start', **with_layers(m, m.start_fields(
            ['/bin/sh', '-c', 'echo changed >/etc/new; cat /etc/from-top'])))
        check(m.event('exit')['exit_code'] == 0 and m.logs() == 'top\n', m.logs())
        check(os.path.exists(os.path.join(m.cdir, 'upper/etc/new')), 'the write')
        with open('/proc/self/mountinfo') as f:
            check(m.dir not in f.read(), 'a mount on the host')
        m.release()


@test
@real_only
def host_pid_namespace():
    """no pid namespace: what is left in the background dies with init, and nothing stays a zombie"""
    with Monitor() as m:
        m.sh('sleep 1000 & (sleep 0.1 & exit 0) & sleep 0.4; exit 8',
             namespaces=('mount', 'uts', 'ipc', 'cgroup', 'network'))
        time.sleep(0.3)
        with open(f'/proc/{m.proc.pid}/task/{m.proc.pid}/children') as f:
            check(len(f.read().split()) == 1, 'a zombie')
        t = time.monotonic()
        check(m.event('exit')['exit_code'] == 8, 'code')
        check(time.monotonic() - t < 1.5, 'it waited for the background')
        end = time.monotonic() + 2
        while processes_with(m.id):
            check(time.monotonic() < end, 'processes are left')
            time.sleep(0.01)
        m.release()


@test
def explain():
    """the narration of a start: one JSON line per step, the monitor's own among them"""
    with Monitor() as m:
        path = os.path.join(m.dir, 'explain')
        m.start(['/bin/true'], explain=path)
        m.event('exit')
        with open(path) as f:
            rows = [json.loads(x) for x in f]
        names = [r['step'] for r in rows]
        check(names[0] == 'mon.spec' and names[-1] == 'mon.start', f'{names}')
        check(all(r['why'] and r['see'] and r['us'] >= 0 for r in rows), f'{rows}')


GROUP = 'streams'

@test
def attach_before_start():
    """a client given with start sees every byte, framed, and the end; the event comes after"""
    with Monitor() as m:
        c = Client()
        m.sh('echo one; echo two >&2', [c.theirs.fileno()], attach=[{**ALL, 'framed': True}])
        c.give()
        m.event('exit')
        out = frames(c.read_all())
        check(out == {1: b'one\n', 2: b'two\n'}, f'{out}')
        m.release()


@test
def attach_selects_streams():
    """only what was asked for is sent"""
    with Monitor() as m:
        a, b = Client(), Client()
        m.sh('echo one; echo two >&2', [a.theirs.fileno(), b.theirs.fileno()],
             attach=[{'stdout': True, 'framed': True}, {'stderr': True, 'framed': True}])
        a.give(), b.give()
        check(frames(a.read_all()) == {1: b'one\n', 2: b''}, 'stdout only')
        check(frames(b.read_all()) == {1: b'', 2: b'two\n'}, 'stderr only')


@test
def stdin_once():
    """early input and a half close before the start reach the process; its output comes back"""
    with Monitor() as m:
        c = Client()
        c.sock.send(b'world\n')
        c.sock.shutdown(socket.SHUT_WR)
        m.start(['/bin/cat'], [c.theirs.fileno()], open_stdin=True, stdin_once=True,
                attach=[{**IN, 'framed': True,
                         'early_input': base64.b64encode(b'hello ').decode()}])
        c.give()
        check(frames(c.read_all())[1] == b'hello world\n', 'echo')
        check(m.event('exit')['exit_code'] == 0, 'cat saw the end')
        m.release()


@test
def half_close_without_stdin_is_ignored():
    """no stdin asked for: the CLI half-closes at once and still gets everything"""
    with Monitor() as m:
        c = Client()
        c.sock.shutdown(socket.SHUT_WR)
        m.sh('sleep 0.3; echo late', [c.theirs.fileno()], attach=[{**ALL, 'framed': True}])
        c.give()
        check(frames(c.read_all())[1] == b'late\n', 'late output')


@test
def half_close_ends_a_plain_attach():
    """stdin that stays open for others: EOF ends this attach only"""
    with Monitor() as m:
        m.start(['/bin/cat'], open_stdin=True)
        a, b = Client(), Client()
        m.ok('attach', [a.theirs.fileno()], **IN)
        m.ok('attach', [b.theirs.fileno()], **IN)
        a.give(), b.give()
        a.sock.send(b'from a\n')
        check(b.read_until(b'from a\n') == b'from a\n', 'b sees it')
        a.sock.shutdown(socket.SHUT_WR)
        a.read_all()
        b.sock.send(b'from b\n')
        check(b.read_until(b'from b\n') == b'from b\n', 'the container reads on')
        m.ok('close_stdin')
        check(m.event('exit')['exit_code'] == 0, 'cat saw the end')
        b.read_all()


@test
def client_vanishes():
    """a client that is gone harms nobody; nor does a reset"""
    with Monitor() as m:
        m.start(['/bin/cat'], open_stdin=True)
        for tcp in (False, True):
            c = Client(tcp)
            m.ok('attach', [c.theirs.fileno()], **IN)
            c.give()
            c.sock.send(b'x\n')
            if tcp:
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            c.sock.close()
        time.sleep(0.2)
        check(m.ok('hello')['status'] == 'running', 'it runs')
        fds = [os.readlink(f'/proc/{m.proc.pid}/fd/{n}') for n in
               os.listdir(f'/proc/{m.proc.pid}/fd')]
        check(sum(f.startswith('socket:') for f in fds) == 2, f'{fds}')


@test
def large_output_is_complete():
    """8 MB through a client that reads slowly: not a byte is lost, in the stream and in the log"""
    with Monitor() as m:
        c = Client()
        m.sh('yes 0123456789012345678901234567890123456789012345678901234567890 | head -c 8000000',
             [c.theirs.fileno()], attach=[{**ALL, 'framed': True}])
        c.give()
        out = b''
        while True:
            data = c.sock.recv(65536)
            if not data:
                break
            out += data
            if len(out) < 4000000:
                time.sleep(0.002)
        check(len(frames(out)[1]) == 8000000, f'{len(out)} bytes')
        check(m.event('exit')['exit_code'] == 0, 'exit')
        check(len(m.logs()) == 8000000, 'log')


@test
def stalled_client_is_dropped():
    """a client that reads nothing: the container finishes, the log is complete, the others get all"""
    with Monitor() as m:
        a, b = Client(), Client()
        t = time.monotonic()
        m.sh('yes 0123456789 | head -c 6600000; exit 4', [a.theirs.fileno(), b.theirs.fileno()],
             attach=[{**ALL, 'framed': True}] * 2)
        a.give(), b.give()
        got = frames(b.read_all())
        check(len(got[1]) == 6600000, 'the other client')
        check(m.event('exit')['exit_code'] == 4, 'exit')
        check(time.monotonic() - t < 10, f'{time.monotonic() - t:.1f} s')
        check(len(m.logs()) == 6600000, 'the log')
        m.release()


@test
def exit_does_not_wait_for_a_reader():
    """the exit event comes within the flush time although a client does not read; it may read later"""
    with Monitor() as m:
        c = Client()
        m.sh('yes 0123456789 | head -c 900000', [c.theirs.fileno()],
             attach=[{**ALL, 'framed': True}])
        c.give()
        t = time.monotonic()
        m.event('exit')
        check(time.monotonic() - t < 3.5, 'late event')
        check(len(frames(c.read_all())[1]) == 900000, 'the rest')
        m.release()


@test
def output_of_a_child_after_init():
    """what a background child wrote is not waited for longer than the drain time"""
    with Monitor() as m:
        t = time.monotonic()
        m.sh('sleep 30 & echo parent')
        check(m.event('exit')['exit_code'] == 0, 'exit')
        check(time.monotonic() - t < 5, 'drain time')
        check(m.logs() == 'parent\n', m.logs())


# --- terminals ---
GROUP = 'terminals'

@test
def terminal():
    """a tty: size, input, raw output on one stream"""
    with Monitor() as m:
        c = Client()
        m.sh('stty size; read x; echo "got $x"; stty size', [c.theirs.fileno()], tty=True,
             open_stdin=True, tty_rows=33, tty_cols=77, attach=[IN])
        c.give()
        c.read_until(b'33 77')
        m.ok('resize', rows=40, cols=120)
        c.sock.send(b'abc\n')
        out = c.read_all()
        check(b'got abc' in out and b'40 120' in out, f'{out}')
        m.event('exit')
        check('got abc' in m.logs('stdout'), 'log')
        m.release()


@test
def detach_keys():
    """ctrl-p ctrl-q leaves, with an event, also split over two writes; a lone ctrl-p goes through"""
    with Monitor() as m:
        c = Client()
        m.sh('stty raw -echo; echo ready; exec cat', [c.theirs.fileno()],
             tty=True, open_stdin=True, attach=[{**IN, 'detach_keys': 'ctrl-p,ctrl-q'}])
        c.give()
        c.read_until(b'ready')
        c.sock.send(b'\x10x')
        c.read_until(b'\x10x')
        c.sock.send(b'y\x10')
        time.sleep(0.1)
        c.sock.send(b'\x11z')
        out = c.read_all()
        check(b'z' not in out, f'{out}')
        m.event('detach')
        check(m.ok('hello')['status'] == 'running', 'it runs on')


# --- exec ---
GROUP = 'exec'

@test
def exec_output_and_code():
    """an exec's output and its code; the code is known before the stream ends"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])
        c = Client()
        m.ok('exec', [c.theirs.fileno()],
             **m.exec_fields('e1', ['/bin/sh', '-c', 'echo hi; echo no >&2; exit 42'],
                             attach={**ALL, 'framed': True}))
        c.give()
        x = m.event('exec_exit')
        check(x['exec_id'] == 'e1' and x['exit_code'] == 42, f'{x}')
        check(frames(c.read_all()) == {1: b'hi\n', 2: b'no\n'}, 'output')
        check('execs' not in m.ok('hello'), 'a reported exec is forgotten')


@test
def exec_stdin():
    """EOF closes the exec's stdin, its output goes on"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])
        c = Client()
        m.ok('exec', [c.theirs.fileno()],
             **m.exec_fields('e1', ['/bin/cat'], open_stdin=True, attach={**IN, 'framed': True}))
        c.give()
        c.sock.send(b'data')
        c.sock.shutdown(socket.SHUT_WR)
        check(frames(c.read_all())[1] == b'data', 'echo')
        check(m.event('exec_exit')['exit_code'] == 0, 'code')


@test
def exec_failures():
    """127 and 126, told in-band and in the answer"""
    with Monitor() as m:
        check('error' in m.request('exec', **m.exec_fields('e', ['true'])), 'not running')
        m.start(['/bin/sleep', '1000'])
        for args, code, text in ((['/nope'], 127, b'/nope'), (['/etc'], 126, b'/etc')):
            c = Client()
            e = m.request('exec', [c.theirs.fileno()],
                          **m.exec_fields('e1', args, attach={**ALL, 'framed': True}))['error']
            c.give()
            check(e['exit_code'] == code, f'{e}')
            out = frames(c.read_all())[1]
            check(text in out and out.endswith(b'\r\n'), f'{out}')


@test
def exec_terminal():
    """exec with a tty; resize by its id; a signal to it"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])
        c = Client()
        m.ok('exec', [c.theirs.fileno()],
             **m.exec_fields('e1', ['/bin/sh', '-c', 'stty size; read x; stty size; exec sleep 1000'],
                             tty=True, open_stdin=True, tty_rows=10, tty_cols=20, attach=IN))
        c.give()
        c.read_until(b'10 20')
        m.ok('resize', exec_id='e1', rows=11, cols=22)
        c.sock.send(b'\n')
        c.read_until(b'11 22')
        m.ok('signal', exec_id='e1', signal=15)
        check(m.event('exec_exit')['exit_code'] == 143, 'code')


@test
def exec_leaves_a_child():
    """a background child with the exec's pipe: the exec ends in time, the child is not killed by it"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])
        c = Client()
        m.ok('exec', [c.theirs.fileno()],
             **m.exec_fields('e1', ['/bin/sh', '-c',
                                    'trap "" HUP; (sleep 3; echo x; echo y; exec sleep 1000) & echo $!'],
                             attach=ALL))
        c.give()
        t = time.monotonic()
        x = m.event('exec_exit')
        check(x['exit_code'] == 0 and time.monotonic() - t < 3, f'{x}')
        child = int(c.read_all())
        time.sleep(2)
        m.ok('exec', **m.exec_fields('e2', ['/bin/sh', '-c', f'kill -0 {child}']))
        check(m.event('exec_exit')['exit_code'] == 0, 'the child is dead')
        m.ok('exec', **m.exec_fields('e3', ['/bin/sh', '-c', f'kill -9 {child}']))
        m.event('exec_exit')


@test
@real_only
def exec_is_confined():
    """the container's seccomp filter holds in an exec, unless it is unconfined"""
    with Monitor() as m:
        fields = m.start_fields(['/bin/sleep', '1000'])
        with open(fields['config']) as f:
            spec = json.load(f)
        spec['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [
            {'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 1}]}
        with open(fields['config'], 'w') as f:
            json.dump(spec, f)
        m.ok('start', **fields)
        for i, (unconfined, want) in enumerate(((False, 1), (True, 0), (False, 1))):
            m.ok('exec', **m.exec_fields(f'e{i}', ['/bin/busybox', 'mkdir', f'/tmp/d{i}'],
                                         unconfined=unconfined))
            x = m.event('exec_exit')
            check(x['exit_code'] == want, f'unconfined {unconfined}: {x}')


@test
def many_execs_leave_nothing():
    """1000 execs: descriptors and memory stay flat"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])

        def round_(n):
            for i in range(n):
                m.ok('exec', **m.exec_fields(f'e{i}', ['/bin/true']))
                m.event('exec_exit')
            m.ok('hello')
            return len(os.listdir(f'/proc/{m.proc.pid}/fd')), m.memory()['Anonymous']
        fds, mem = round_(200)
        fds2, mem2 = round_(800)
        check(fds == fds2, f'{fds} then {fds2} descriptors')
        # A sanitizer keeps what was freed.
        with open(f'/proc/{m.proc.pid}/maps') as f:
            check(mem2 <= mem + 48 or 'asan' in f.read(), f'{mem} then {mem2} KB')


@test
def unreported_execs_are_told_later():
    """an exec that ended without a daemon is in the next hello, once"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])
        m.ok('exec', **m.exec_fields('e1', ['/bin/sh', '-c', 'sleep 0.2; exit 6']))
        m.sock.close()
        time.sleep(0.6)
        m.sock = m.connect()
        execs = m.ok('hello')['execs']
        check(len(execs) == 1 and execs[0]['exec_id'] == 'e1' and not execs[0]['running'] and
              execs[0]['exit_code'] == 6 and 'capture' not in execs[0], f'{execs}')
        check(int(execs[0]['finished_at']) - int(execs[0]['started_at']) > 1e8, f'{execs}')
        check('execs' not in m.ok('hello'), 'once')


@test
def captured_exec():
    """a health check: output kept up to a limit, also for a daemon that was away; its time is limited"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])
        out = lambda e: base64.b64decode(e.get('output', ''))
        m.ok('exec', **m.exec_fields('c1', ['/bin/sh', '-c', 'echo one; echo two >&2; exit 3']), capture=100)
        e = m.event('exec_exit')
        check(e['exit_code'] == 3 and e['capture'] and 'truncated' not in e, f'{e}')
        check(sorted(out(e).split()) == [b'one', b'two'], f'{e}')
        m.ok('exec', **m.exec_fields('c2', ['/bin/sh', '-c', 'echo 0123456789']), capture=5)
        e = m.event('exec_exit')
        check(out(e) == b'01234' and e['truncated'], f'{e}')
        begin = time.monotonic()
        m.ok('exec', **m.exec_fields('c3', ['/bin/sh', '-c', 'echo x; sleep 4321; true']), capture=5,
             timeout_ms=300)
        e = m.event('exec_exit')
        check(e['timed_out'] and out(e) == b'x\n', f'{e}')
        check(time.monotonic() - begin < 1.5, 'the children that hold the pipe are killed, too')
        m.ok('exec', **m.exec_fields('c4', ['/bin/sh', '-c', 'echo later; sleep 0.2']), capture=50)
        m.sock.close()
        time.sleep(0.6)
        m.sock = m.connect()
        execs = m.ok('hello')['execs']
        check(len(execs) == 1 and out(execs[0]) == b'later\n' and execs[0]['capture'], f'{execs}')


# --- the log ---
GROUP = 'log'

@test
def log_format():
    """partial lines, long lines, bytes that are not UTF-8"""
    with Monitor() as m:
        m.sh(r'printf "a\tb\"\\\\\n"; printf "\377\303\n"; head -c 40000 /dev/zero | tr "\0" x; '
             r'echo; printf end')
        m.event('exit')
        with open(m.logpath) as f:
            rows = [json.loads(x) for x in f]
        text = [r['log'] for r in rows]
        check(text[0] == 'a\tb"\\\n' and text[1] == '\ufffd\ufffd\n', f'{text[:2]}')
        check([len(x) for x in text[2:5]] == [16384, 16384, 40000 - 2 * 16384 + 1], 'long line')
        check(text[5] == 'end', 'a last line without an end')
        for r in rows:
            check(sorted(r) == ['log', 'stream', 'time'] and r['time'].endswith('Z'), f'{r}')


@test
def log_rotation():
    """max-size and max-file"""
    with Monitor() as m:
        fields = m.start_fields(['/bin/sh', '-c', 'i=0; while [ $i -lt 2000 ]; do echo line $i; '
                                 'i=$((i+1)); done'])
        fields['log'].update(max_size=20000, max_file=3)
        m.ok('start', **fields)
        m.event('exit')
        files = [m.logpath + s for s in ('.2', '.1', '')]
        check(all(os.path.exists(f) for f in files), f'{os.listdir(m.cdir)}')
        check(not os.path.exists(m.logpath + '.3'), 'one too many')
        lines = [json.loads(x)['log'] for f in files for x in open(f)]
        check(lines == [f'line {i}\n' for i in range(2000 - len(lines), 2000)], 'order')
        check(all(os.path.getsize(f) < 20200 for f in files), 'size')


def journal_entry(data):
    """The fields of an entry in journald's native form."""
    out, at = [], 0
    while at < len(data):
        end = data.index(b'\n', at)
        line = data[at:end]
        if b'=' in line:
            key, value = line.split(b'=', 1)
            at = end + 1
        else:
            n = struct.unpack('<Q', data[end + 1:end + 9])[0]
            key, value = line, data[end + 9:end + 9 + n]
            check(data[end + 9 + n:end + 10 + n] == b'\n', 'the end of a field')
            at = end + 10 + n
        out.append((key.decode(), value))
    return dict(out)


@test
def log_journald():
    """journald: fields, pieces, bytes as they are; it may go and come back; without it the start says so"""
    with Monitor() as m:
        place = os.path.join(m.cdir, 'journal')
        fields = m.start_fields(['/bin/sh', '-c', "echo out; echo bad >&2; printf 'a\\377b\\n'; "
                                 "head -c 20000 /dev/zero | tr '\\0' y; echo; sleep 0.6; echo later; sleep 0.4"])
        fields['log'] = {'driver': 'journald', 'address': 'unixgram://' + place, 'tag': 'tg', 'id': 'c' * 64,
                         'name': 'web', 'image': 'img:1', 'attrs': {'com.a': 'x\ny', '_PID': '1'}}
        e = m.request('start', **fields)['error']
        check(e['message'] == 'failed to initialize logging driver: journald is not enabled on this host', f'{e}')
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(place)
        s.settimeout(5)
        m.ok('start', **fields)
        got = []
        while len(got) < 5:
            data, fds, _, _ = socket.recv_fds(s, 200000, 4)
            for fd in fds:
                data = os.pread(fd, 1 << 20, 0)
                os.close(fd)
            got.append(journal_entry(data))
        by = {e['MESSAGE']: e for e in got}
        out = by[b'out']
        want = {'CONTAINER_ID': 'c' * 12, 'CONTAINER_ID_FULL': 'c' * 64, 'CONTAINER_NAME': 'web', 'CONTAINER_TAG': 'tg',
                'IMAGE_NAME': 'img:1', 'SYSLOG_IDENTIFIER': 'tg', 'PRIORITY': '6', 'COM_A': 'x\ny', 'PID': '1'}
        check(all(out[k] == v.encode() for k, v in want.items()), f'{out}')
        check('CONTAINER_PARTIAL_MESSAGE' not in out and by[b'bad']['PRIORITY'] == b'3', f'{by}')
        check(b'a\xffb' in by, 'bytes as they are')
        pieces = [e for e in got if e['MESSAGE'].startswith(b'y')]
        check([p['CONTAINER_PARTIAL_ORDINAL'] for p in pieces] == [b'1', b'2'] and
              pieces[0]['CONTAINER_PARTIAL_MESSAGE'] == b'true' and pieces[1]['CONTAINER_PARTIAL_LAST'] == b'true' and
              pieces[0]['CONTAINER_PARTIAL_ID'] == pieces[1]['CONTAINER_PARTIAL_ID'] and
              len(pieces[0]['MESSAGE'] + pieces[1]['MESSAGE']) == 20000, f'{pieces}')
        s.close()
        os.unlink(place)
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(place)
        s.settimeout(5)
        check(journal_entry(s.recv(200000))['MESSAGE'] == b'later', 'after the receiver came back')
        m.event('exit')


# --- faults ---
GROUP = 'faults'

STEPS = ('mon.spec', 'mon.log', 'mon.slot', 'mon.stdio', 'mon.rootfs', 'mon.create', 'mon.start')


def has_failpoints():
    with open(BINARY, 'rb') as f:
        return b'CRUN_LITE_FAIL' in f.read()


def open_files(m):
    m.ok('hello')
    return len(os.listdir(f'/proc/{m.proc.pid}/fd'))


def start_message(m, args):
    """With layers where there are real containers, so that every step is wanted."""
    fields = m.start_fields(args)
    return with_layers(m, fields) if REAL else fields


def steps():
    return [s for s in STEPS if REAL or s != 'mon.rootfs']


def no_container_left(m):
    """No process of it and no record; its cgroup is gone."""
    with open(f'/proc/{m.proc.pid}/task/{m.proc.pid}/children') as f:
        check(f.read() == '', 'a child is left')
    check(not os.path.exists(os.path.join(m.cdir, 'exit')), 'a record is left')
    check(not glob.glob(f'/sys/fs/cgroup/**/{m.id}', recursive=True), 'a cgroup is left')


@test
@needs_failpoints
def every_step_can_fail():
    """each step of the start, before and after its act: an error, nothing left, the next start works"""
    for step in steps():
        for when in ('', 'after:'):
            with Monitor(env={'CRUN_LITE_FAIL': f'{step}={when}1*error(EIO)'}) as m:
                before = open_files(m)
                e = m.request('start', **start_message(m, ['/bin/true']))
                check('error' in e and step in e['error']['message'], f'{when}{step}: {e}')
                check(open_files(m) == before, f'{when}{step}: descriptors')
                no_container_left(m)
                m.ok('start', **start_message(m, ['/bin/sh', '-c', 'exit 3']))
                check(m.event('exit')['exit_code'] == 3, f'{when}{step}: the next start')
                m.release()


@test
@needs_failpoints
def killed_at_every_step():
    """SIGKILL at each step of the start: the container's process dies, too"""
    for step in steps():
        for when in ('', 'after:'):
            with Monitor(env={'CRUN_LITE_FAIL': f'{step}={when}kill'}) as m:
                m.send('start', **start_message(m, ['/bin/sleep', '1000']))
                check(m.proc.wait() == -signal.SIGKILL, f'{when}{step}: it lives')
                end = time.monotonic() + 5
                while processes_with(m.id):
                    check(time.monotonic() < end, f'{when}{step}: {processes_with(m.id)}')
                    time.sleep(0.02)


def processes_with(container_id):
    found = []
    for path in glob.glob('/proc/[0-9]*/cgroup'):
        try:
            with open(path) as f:
                if container_id in f.read():
                    found.append(path)
        except OSError:
            pass
    return found


@test
@needs_failpoints
def killed_while_recording():
    """SIGKILL before the exit record: it says that the end was not seen; after: it has the code"""
    for when, want in (('', 0), ('after:', 1)):
        with Monitor(env={'CRUN_LITE_FAIL': f'mon.exit_record={when}kill'}) as m:
            m.start(['/bin/sh', '-c', 'exit 5'])
            check(m.proc.wait() == -signal.SIGKILL, 'it lives')
            with open(os.path.join(m.cdir, 'exit'), 'rb') as f:
                state, code = struct.unpack_from('<Ii', f.read(), 8)
            check((state, code) == (want, 5 * want), f'{when}: {state} {code}')


@test
def full_disk():
    """/dev/full as the log: the container runs, its code is kept"""
    with Monitor() as m:
        fields = m.start_fields(['/bin/sh', '-c', 'echo lost; exit 42'])
        fields['log']['path'] = '/dev/full'
        m.ok('start', **fields)
        check(m.event('exit')['exit_code'] == 42, 'code')
        check('No space left' in m.log(), m.log())
        m.release()


@test
def stopped_daemon():
    """a daemon that does not read: the container and its log go on; too much, and it is disconnected"""
    with Monitor() as m:
        m.start(['/bin/sleep', '1000'])
        s = m.connect()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            for i in range(1, 60000):
                s.send(json.dumps({'op': 'hello', 'seq': i}).encode())
            raise Failed('never disconnected')
        except (BrokenPipeError, ConnectionResetError):
            pass
        m.ok('hello')
        m.ok('signal', signal=9)
        check(m.event('exit')['exit_code'] == 137, 'exit')


# --- cost ---
GROUP = 'cost'

@test
@real_only
def memory_of_a_running_monitor():
    """PSS and private memory while a container runs"""
    with Monitor() as m:
        t = time.monotonic()
        m.start(['/bin/sleep', '1000'])
        dt = time.monotonic() - m.t_spawn
        m.ok('hello')
        mem = m.memory()
        check(mem['Pss'] < 1024, f'PSS {mem["Pss"]} KB')
        return (f'spawn to started {dt * 1000:.1f} ms, start {1000 * (time.monotonic() - t):.1f} ms;'
              f' PSS {mem["Pss"]} KB, private {mem["Private_Dirty"]} KB dirty'
              f' {mem["Private_Clean"]} KB clean, RSS {mem["Rss"]} KB')


def remove_cgroups():
    """Of containers whose monitor was killed: that is the daemon's work."""
    for top in glob.glob('/sys/fs/cgroup/**/crl-mon-test', recursive=True):
        end = time.monotonic() + 3
        while os.path.exists(top) and time.monotonic() < end:
            for path in glob.glob(top + '/*/') + [top]:
                try:
                    os.rmdir(path)
                except OSError:
                    time.sleep(0.02)


def run_test(name):
    f = globals()[name]
    title = f'{name}: {f.__doc__}'
    if getattr(f, 'needs_failpoints', False) and not has_failpoints():
        return 'ok', title + ' # SKIP built without failpoints'
    t = time.monotonic()
    try:
        note = f()
        text = f'{title} ({time.monotonic() - t:.2f} s)'
        return 'ok', text + (f'\n# {note}' if note else '')
    except (Failed, OSError, KeyError, ValueError) as e:
        why = f'{type(e).__name__}: {e}'[:2000].replace('\n', '\n# ')
        return 'not ok', f'{title}\n# {why}'


def main():
    global BINARY, REAL
    args = sys.argv[1:]
    BINARY = os.path.abspath(args.pop(0))
    if args and args[0] == '--real':
        REAL = args[1]
        args = args[2:]
    # What only real containers can show belongs to the system level, which passes --real.
    chosen = [f for f in TESTS if (not args or f.__name__ in args or f.group in args)
              and (REAL or not getattr(f, 'real_only', False))]
    print(f'1..{len(chosen)}', flush=True)
    failed = 0
    # Most of the time is waiting, which may as well be done side by side.
    with multiprocessing.Pool(min(6, len(chosen) or 1)) as pool:
        for i, (result, text) in enumerate(pool.imap(run_test, [f.__name__ for f in chosen]), 1):
            failed += result != 'ok'
            print(f'{result} {i} {text}', flush=True)
    remove_cgroups()
    return 1 if failed or not chosen else 0


if __name__ == '__main__':
    sys.exit(main())
