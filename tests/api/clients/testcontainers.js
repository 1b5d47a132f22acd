// SPDX-License-Identifier: GPL-2.0-or-later
// Testcontainers for Node, unchanged, as test suites use it. Prints TAP.
// Usage: DOCKER_HOST=unix:///… node testcontainers.js   (image busybox is there; its reaper image cannot
// be had without a registry, so that one part is switched off)
'use strict';
process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
process.env.TESTCONTAINERS_HOST_OVERRIDE = '127.0.0.1';
const assert = require('assert');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const { GenericContainer, Network, Wait } = require('testcontainers');

const tests = [];
const test = (name, body) => tests.push([name, body]);
const web = ['sh', '-c', 'mkdir -p /www && echo "${SAY:-hello}" >/www/index.html && echo ready && exec httpd -f -p 8080 -h /www'];

const get = (port) => new Promise((resolve, reject) => {
	http.get({ host: '127.0.0.1', port, path: '/' }, (answer) => {
		let body = '';
		answer.on('data', (d) => { body += d; });
		answer.on('end', () => resolve(body.trim()));
	}).on('error', reject);
});

test('a web server: exposed port, waiting for its log line', async () => {
	const c = await new GenericContainer('busybox').withCommand(web).withExposedPorts(8080)
		.withWaitStrategy(Wait.forLogMessage('ready')).start();
	assert.strictEqual(await get(c.getMappedPort(8080)), 'hello');
	await c.stop();
});

test('waiting for the port, for HTTP, and for a command', async () => {
	const byPort = await new GenericContainer('busybox').withCommand(web).withExposedPorts(8080)
		.withWaitStrategy(Wait.forListeningPorts()).start();
	await byPort.stop();
	const byHttp = await new GenericContainer('busybox').withCommand(web).withExposedPorts(8080)
		.withWaitStrategy(Wait.forHttp('/', 8080)).start();
	await byHttp.stop();
	const byCommand = await new GenericContainer('busybox').withCommand(web).withExposedPorts(8080)
		.withWaitStrategy(Wait.forSuccessfulCommand('test -e /www/index.html')).start();
	await byCommand.stop();
});

test('waiting for health', async () => {
	const c = await new GenericContainer('busybox').withCommand(web).withExposedPorts(8080)
		.withHealthCheck({ test: ['CMD-SHELL', 'wget -q -O /dev/null http://127.0.0.1:8080/'], interval: 300, timeout: 1000,
			retries: 10, startPeriod: 100 })
		.withWaitStrategy(Wait.forHealthCheck()).start();
	await c.stop();
});

test('environment, labels, user, working directory, exec, logs', async () => {
	const c = await new GenericContainer('busybox').withCommand(web).withEnvironment({ SAY: 'salut' })
		.withLabels({ a: 'b' }).withWorkingDir('/tmp').withExposedPorts(8080).withName('tcnode').start();
	assert.strictEqual(await get(c.getMappedPort(8080)), 'salut');
	const done = await c.exec(['sh', '-c', 'pwd; echo no >&2; exit 4']);
	assert.strictEqual(done.exitCode, 4);
	assert.match(done.stdout, /\/tmp/);
	assert.match(done.stderr, /no/);
	const logs = await c.logs();
	const line = await new Promise((resolve) => logs.once('data', resolve));
	assert.match(String(line), /ready/);
	logs.destroy();
	await c.stop();
});

test('files copied in before the start, and out again', async () => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crl-tc-'));
	fs.writeFileSync(path.join(dir, 'page'), 'copied\n');
	const c = await new GenericContainer('busybox')
		.withCopyFilesToContainer([{ source: path.join(dir, 'page'), target: '/www/index.html' }])
		.withCopyContentToContainer([{ content: 'inline', target: '/www/inline' }])
		.withCommand(['httpd', '-f', '-p', '8080', '-h', '/www']).withExposedPorts(8080).start();
	fs.rmSync(dir, { recursive: true });
	assert.strictEqual(await get(c.getMappedPort(8080)), 'copied');
	const archive = await c.copyArchiveFromContainer('/www/inline');
	const parts = [];
	for await (const part of archive) parts.push(part);
	assert.match(Buffer.concat(parts).toString('latin1'), /inline/);
	await c.stop();
});

test('a network of its own with aliases', async () => {
	const network = await new Network().start();
	const server = await new GenericContainer('busybox').withCommand(web).withNetwork(network)
		.withNetworkAliases('backend').withWaitStrategy(Wait.forLogMessage('ready')).start();
	const client = await new GenericContainer('busybox').withCommand(['sleep', '1000']).withNetwork(network).start();
	const { exitCode, output } = await client.exec(['wget', '-q', '-O', '-', 'http://backend:8080/']);
	assert.strictEqual(exitCode, 0, output);
	assert.match(output, /hello/);
	await client.stop();
	await server.stop();
	await network.stop();
});

test('an image built from a Dockerfile', async () => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crl-tc-'));
	fs.writeFileSync(path.join(dir, 'Dockerfile'),
		'FROM busybox\nARG WORD=none\nRUN mkdir /www && echo "$WORD" >/www/index.html\nCMD ["httpd","-f","-p","8080","-h","/www"]\n');
	const image = await GenericContainer.fromDockerfile(dir).withBuildArgs({ WORD: 'built' }).build('tcbuilt', { deleteOnExit: false });
	fs.rmSync(dir, { recursive: true });
	const c = await image.withExposedPorts(8080).start();
	assert.strictEqual(await get(c.getMappedPort(8080)), 'built');
	await c.stop();
});

test('tmpfs, binds, privileged, restart, commit', async () => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crl-tc-'));
	const c = await new GenericContainer('busybox').withCommand(['sleep', '1000']).withTmpFs({ '/t': 'rw,size=1m' })
		.withBindMounts([{ source: dir, target: '/bound', mode: 'rw' }]).start();
	assert.strictEqual((await c.exec(['sh', '-c', 'echo x >/t/f && echo y >/bound/f'])).exitCode, 0);
	assert.strictEqual(fs.readFileSync(path.join(dir, 'f'), 'utf8'), 'y\n');
	await c.restart();
	assert.strictEqual((await c.exec(['true'])).exitCode, 0);
	const id = await c.commit({ repo: 'tccommit', tag: '1', deleteOnExit: false });
	assert.match(id, /sha256|^[0-9a-f]{64}/);
	await c.stop();
	fs.rmSync(dir, { recursive: true });
});

(async () => {
	console.log(`1..${tests.length}`);
	let bad = 0;
	for (const [i, [name, body]] of tests.entries()) {
		let timer;
		const limit = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('took over 60 s')), 60000); });
		try {
			await Promise.race([body(), limit]);
			console.log(`ok ${i + 1} testcontainers: ${name}`);
		} catch (e) {
			bad++;
			console.log(`not ok ${i + 1} testcontainers: ${name}\n# ${String(e && e.stack || e).replace(/\n/g, '\n# ')}`);
		}
		clearTimeout(timer);
	}
	process.exit(bad ? 1 : 0);
})();
