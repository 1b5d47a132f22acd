// SPDX-License-Identifier: GPL-2.0-or-later
// The Engine API as programs in Node use it: dockerode, unchanged. Prints TAP.
// Usage: node dockerode.js SOCKET   (image busybox is there)
'use strict';
const assert = require('assert');
const { PassThrough } = require('stream');
const Docker = require('dockerode');
const zlib = require('zlib');

const docker = new Docker({ socketPath: process.argv[2] });
const tests = [];
const test = (name, body) => tests.push([name, body]);
const sleeper = (options) => docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'], ...options });

async function text(stream) {
	const parts = [];
	for await (const part of stream) parts.push(part);
	return Buffer.concat(parts);
}

// A tar archive of small files, as ustar has it.
function tar(files) {
	const blocks = [];
	for (const [name, content] of Object.entries(files)) {
		const head = Buffer.alloc(512);
		head.write(name, 0);
		head.write('0000644\0', 100);
		head.write('0000000\0', 108);
		head.write('0000000\0', 116);
		head.write(Buffer.byteLength(content).toString(8).padStart(11, '0') + '\0', 124);
		head.write('14000000000\0', 136);
		head.write('        0ustar\x0000', 148);
		let sum = 0;
		for (const byte of head) sum += byte;
		head.write(sum.toString(8).padStart(6, '0') + '\0 ', 148);
		const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
		body.write(content);
		blocks.push(head, body);
	}
	blocks.push(Buffer.alloc(1024));
	return Buffer.concat(blocks);
}

const follow = (stream) => new Promise((resolve, reject) =>
	docker.modem.followProgress(stream, (err, lines) => (err ? reject(err) : resolve(lines))));

test('ping, version, info, df', async () => {
	assert.strictEqual((await docker.ping()).toString(), 'OK');
	assert.match((await docker.version()).ApiVersion, /^\d\.\d+$/);
	assert.strictEqual((await docker.info()).OSType, 'linux');
	assert.ok(Array.isArray((await docker.df()).Images));
});

test('run: output and exit code', async () => {
	const out = new PassThrough();
	const wait = text(out);
	const [data, container] = await docker.run('busybox', ['sh', '-c', 'echo hello; exit 7'], out, { Tty: true });
	out.end();
	assert.strictEqual(data.StatusCode, 7);
	assert.strictEqual((await wait).toString(), 'hello\r\n');
	await container.remove();
});

test('attach before start, demultiplexed; stdin and its end', async () => {
	const c = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'cat; echo end >&2'],
		OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true });
	const stream = await c.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
	const out = new PassThrough(), err = new PassThrough();
	const texts = Promise.all([text(out), text(err)]);
	c.modem.demuxStream(stream, out, err);
	stream.on('end', () => { out.end(); err.end(); });
	await c.start();
	stream.write('one\ntwo\n');
	stream.end();
	assert.strictEqual((await c.wait()).StatusCode, 0);
	const [a, b] = await texts;
	assert.strictEqual(a.toString(), 'one\ntwo\n');
	assert.strictEqual(b.toString(), 'end\n');
	await c.remove();
});

test('exec: output, exit code, inspect, resize of a terminal', async () => {
	const c = await sleeper();
	await c.start();
	const e = await c.exec({ Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'], AttachStdout: true, AttachStderr: true });
	const stream = await e.start({});
	const out = new PassThrough(), err = new PassThrough();
	const texts = Promise.all([text(out), text(err)]);
	docker.modem.demuxStream(stream, out, err);
	await new Promise((resolve) => stream.on('end', resolve));
	out.end();
	err.end();
	assert.deepStrictEqual((await texts).map(String), ['out\n', 'err\n']);
	assert.strictEqual((await e.inspect()).ExitCode, 3);
	const t = await c.exec({ Cmd: ['sh', '-c', 'sleep 0.5; stty size'], AttachStdout: true, AttachStdin: true, Tty: true });
	const tty = await t.start({ hijack: true, stdin: true, Tty: true });
	await t.resize({ h: 33, w: 111 });
	assert.strictEqual((await text(tty)).toString(), '33 111\r\n');
	await c.remove({ force: true });
});

test('logs: all at once and followed', async () => {
	const c = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'echo a; sleep 0.3; echo b'], Tty: true });
	await c.start();
	const stream = await c.logs({ follow: true, stdout: true, stderr: true });
	assert.strictEqual((await text(stream)).toString(), 'a\r\nb\r\n');
	assert.strictEqual((await c.logs({ stdout: true, tail: 1 })).toString(), 'b\r\n');
	await c.remove();
});

test('stats: one sample, and a stream that the client leaves', async () => {
	const c = await sleeper();
	await c.start();
	const one = await c.stats({ stream: false });
	assert.ok(one.cpu_stats.online_cpus > 0);
	assert.ok(one.networks.eth0);
	const stream = await c.stats({ stream: true });
	const first = await new Promise((resolve) => stream.once('data', resolve));
	assert.strictEqual(JSON.parse(first).id, c.id);
	stream.destroy();
	await c.remove({ force: true });
});

test('archives in and out, changes, export', async () => {
	const c = await docker.createContainer({ Image: 'busybox', Cmd: ['cat', '/tmp/in.txt'] });
	await c.putArchive(tar({ 'in.txt': 'from node\n' }), { path: '/tmp' });
	await c.putArchive(zlib.gzipSync(tar({ 'zipped.txt': 'z' })), { path: '/tmp' });
	await c.start();
	await c.wait();
	assert.match((await c.logs({ stdout: true })).toString('latin1'), /from node/);
	const got = await text(await c.getArchive({ path: '/tmp/in.txt' }));
	assert.match(got.toString('latin1'), /in\.txt/);
	assert.match(got.toString('latin1'), /from node/);
	const info = await c.infoArchive({ path: '/tmp/in.txt' });
	const stat = JSON.parse(Buffer.from(info.headers ? info.headers['x-docker-container-path-stat']
		: (await new Promise((resolve) => resolve(info))).headers['x-docker-container-path-stat'], 'base64'));
	assert.strictEqual(stat.size, 10);
	const changed = (await c.changes()).map((x) => `${x.Kind} ${x.Path}`);
	assert.ok(changed.includes('1 /tmp/in.txt'), changed.join());
	assert.match((await text(await c.export())).toString('latin1'), /bin\/busybox/);
	await c.remove();
});

test('commit, tag, history, inspect, remove of images', async () => {
	const c = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'echo x >/made'] });
	await c.start();
	await c.wait();
	const made = await c.commit({ repo: 'fromnode', tag: '1', comment: 'by a test', changes: 'CMD ["cat","/made"]' });
	assert.match(made.Id, /^sha256:/);
	const image = docker.getImage('fromnode:1');
	await image.tag({ repo: 'fromnode', tag: '2' });
	assert.ok((await image.inspect()).RepoTags.includes('fromnode:2'));
	assert.ok((await image.history()).length >= 2);
	const [result] = await docker.run('fromnode:1', [], new PassThrough(), { HostConfig: { AutoRemove: true } });
	assert.strictEqual(result.StatusCode, 0);
	await docker.getImage('fromnode:2').remove();
	await image.remove({ force: true });
	await c.remove();
});

test('networks: create, connect with an alias, resolve, disconnect, remove', async () => {
	const network = await docker.createNetwork({ Name: 'nodenet', CheckDuplicate: true });
	const server = await sleeper({ name: 'nodeserver' });
	await server.start();
	await network.connect({ Container: server.id, EndpointConfig: { Aliases: ['db'] } });
	const out = new PassThrough();
	const said = text(out);
	const [result] = await docker.run('busybox', ['ping', '-c1', '-W2', 'db'], out,
		{ Tty: true, HostConfig: { NetworkMode: 'nodenet', AutoRemove: true } });
	out.end();
	assert.strictEqual(result.StatusCode, 0, (await said).toString());
	assert.ok((await network.inspect()).Containers[server.id]);
	await network.disconnect({ Container: server.id, Force: true });
	await server.remove({ force: true });
	await network.remove();
});

test('volumes: create, use, in-use protection, prune', async () => {
	const volume = await docker.createVolume({ Name: 'nodevol', Labels: { by: 'node' } });
	const [result, c] = await docker.run('busybox', ['sh', '-c', 'echo v >/v/f'], new PassThrough(),
		{ HostConfig: { Binds: ['nodevol:/v'] } });
	assert.strictEqual(result.StatusCode, 0);
	await assert.rejects(docker.getVolume('nodevol').remove(), { statusCode: 409 });
	await c.remove();
	const list = await docker.listVolumes({ filters: { label: ['by=node'] } });
	assert.deepStrictEqual(list.Volumes.map((v) => v.Name), ['nodevol']);
	await docker.getVolume((await docker.getVolume('nodevol').inspect()).Name).remove();
	await docker.pruneVolumes();
	assert.ok(volume);
});

test('events: a container\'s life, filtered', async () => {
	const stream = await docker.getEvents({ filters: { type: ['container'], label: ['watch=1'] } });
	const actions = [];
	let pending = '';
	stream.on('data', (part) => {
		pending += part;
		const lines = pending.split('\n');
		pending = lines.pop();
		for (const line of lines) if (line.trim()) actions.push(JSON.parse(line).Action);
	});
	const c = await docker.createContainer({ Image: 'busybox', Cmd: ['true'], Labels: { watch: '1' } });
	await c.start();
	await c.wait();
	await c.remove();
	for (let i = 0; i < 50 && !actions.includes('destroy'); i++) await new Promise((r) => setTimeout(r, 50));
	stream.destroy();
	assert.deepStrictEqual(actions, ['create', 'start', 'die', 'destroy']);
});

test('pause, rename, update, restart, top, kill, list with filters', async () => {
	const c = await sleeper({ name: 'nodelife' });
	await c.start();
	await c.pause();
	assert.strictEqual((await c.inspect()).State.Paused, true);
	await c.unpause();
	await c.rename({ name: 'nodelife2' });
	await c.update({ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } });
	assert.strictEqual((await c.inspect()).HostConfig.RestartPolicy.MaximumRetryCount, 2);
	await c.update({ RestartPolicy: { Name: 'no' } });
	await c.restart({ t: 0 });
	assert.ok((await c.top()).Processes.length >= 1);
	const listed = await docker.listContainers({ filters: { name: ['nodelife2'], status: ['running'] } });
	assert.deepStrictEqual(listed.map((x) => x.Id), [c.id]);
	await c.kill({ signal: 'SIGKILL' });
	assert.strictEqual((await c.wait()).StatusCode, 137);
	await c.remove();
	await docker.pruneContainers();
});

test('build from an archive, progress to its end', async () => {
	const context = tar({ Dockerfile: 'FROM busybox\nCOPY f /f\nRUN cat /f\nCMD ["cat","/f"]\n', f: 'built by node\n' });
	const stream = await docker.buildImage(require('stream').Readable.from([context]), { t: 'nodebuilt' });
	const lines = await follow(stream);
	assert.ok(lines.some((l) => (l.stream || '').includes('Successfully tagged nodebuilt:latest')));
	await docker.getImage('nodebuilt').remove();
});

test('images: save, load, list, prune', async () => {
	const archive = await text(await docker.getImage('busybox').get());
	assert.ok(archive.length > 100000);
	const lines = await follow(await docker.loadImage(require('stream').Readable.from([archive])));
	assert.ok(lines.some((l) => (l.stream || '').startsWith('Loaded image')));
	assert.ok((await docker.listImages({ filters: { reference: ['busybox'] } })).length === 1);
	await docker.pruneImages();
});

test('errors carry status and reason', async () => {
	await assert.rejects(docker.getContainer('nosuch').inspect(), (e) =>
		e.statusCode === 404 && e.reason === 'no such container' && /No such container: nosuch/.test(e.json.message));
	await assert.rejects(docker.createContainer({ Image: 'nosuch' }), { statusCode: 404 });
	await assert.rejects(docker.getNetwork('nosuch').inspect(), { statusCode: 404 });
});

(async () => {
	console.log(`1..${tests.length}`);
	let bad = 0;
	for (const [i, [name, body]] of tests.entries()) {
		let timer;
		const limit = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('took over 30 s')), 30000); });
		try {
			await Promise.race([body(), limit]);
			console.log(`ok ${i + 1} dockerode: ${name}`);
		} catch (e) {
			bad++;
			console.log(`not ok ${i + 1} dockerode: ${name}\n# ${String(e.stack).replace(/\n/g, '\n# ')}`);
		}
		clearTimeout(timer);
	}
	process.exit(bad ? 1 : 0);
})();
