// The runner: tests register by name, run one after another, and each prints what it took. Nothing of the Switchboard is here.

const tests = [];
const limit = 90_000; // ms for one test

/** Registers a test; its name is the sentence it proves. `body` gets what `run` was given. */
export function test(name, body) {
  tests.push({ name, body });
}

/** Runs every test whose name contains `only`. Answers how many passed and failed. */
export async function run(context, only) {
  let passed = 0;
  let failed = 0;
  for (const { name, body } of tests) {
    if (!name.includes(only)) continue;
    const start = performance.now();
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not done after ${limit} ms`)), limit)));
    let problem = null;
    try {
      await Promise.race([body(context), late]);
    } catch (error) {
      problem = error;
    }
    clearTimeout(timer);
    try {
      await context.clear();
    } catch (error) {
      problem ??= error;
    }
    const took = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
    console.log(`${problem ? "FAILED" : "    ok"} ${took} s  ${name}`);
    if (problem) {
      failed += 1;
      console.log(String(problem.stack ?? problem).replace(/^/gm, "              "));
    } else passed += 1;
  }
  return { passed, failed };
}
