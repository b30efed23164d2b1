import test from 'ava'
import { runModule, startNode } from './child.ts'

const START = `import { createServer } from 'xrtc'
const server = await createServer({ udp: { host: '127.0.0.1' }, workers: 2 })`

test.serial('the process ends by itself after close, and printed nothing', async (t) => {
  const { code, stdout, stderr } = await runModule(t, `${START}; await server.push('lobby'); await server.close()`)
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' })
})

test.serial('after unref the process ends although the server runs', async (t) => {
  const { code } = await runModule(t, `${START}; await server.push('lobby'); server.ref().unref()`)
  t.is(code, 0)
})

test.serial('process.exit with a running server has its own code', async (t) => {
  t.is((await runModule(t, `${START}; process.exit(7)`)).code, 7)
})

test.serial('a running server keeps the process alive, and handles no signal', async (t) => {
  const running = startNode(t, ['--input-type=module', '--eval', `${START}; console.log('up')`])
  await running.prints(/up/)
  running.child.kill('SIGTERM')
  t.is((await running.ended).signal, 'SIGTERM')
})

test.serial('a server works in a worker thread and goes with it', async (t) => {
  const inside = `import { parentPort } from 'node:worker_threads'; ${START}
    await server.push('lobby'); parentPort.postMessage((await server.held()).peers)`
  const program = `import { once } from 'node:events'; import { Worker } from 'node:worker_threads'
    for (let round = 0; round < 3; round += 1) {
      const worker = new Worker(${JSON.stringify(inside)}, { eval: true, execArgv: ['--input-type=module'] })
      const [peers] = await once(worker, 'message')
      console.log(peers)
      await worker.terminate()
    }`
  const { code, stdout, stderr } = await runModule(t, program)
  t.is(stderr, '')
  t.deepEqual({ code, stdout }, { code: 0, stdout: '1\n1\n1\n' })
})

test.serial('require gives the package, and importing it loads no native code', async (t) => {
  const { code, stdout } = await startNode(t, [
    '--no-warnings',
    '--eval',
    `const { createServer } = require('xrtc')
     const loaded = Object.keys(require.cache).some((path) => path.endsWith('.node'))
     console.log(typeof createServer, loaded)`,
  ]).ended
  t.deepEqual({ code, stdout }, { code: 0, stdout: 'function false\n' })
})

test.serial('the browser library loads no native code and nothing of Node.js', async (t) => {
  const { code, stdout, stderr } = await runModule(
    t,
    `const client = await import('xrtc/client'); console.log(Object.keys(client).length > 0)`,
  )
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'true\n', stderr: '' })
})
