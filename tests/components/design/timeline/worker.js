// Runs the timeline's script for one test after another, each in a world of its own.
//
// A line of input is a text of JavaScript after the script; a line of output is [its value] or an error.
const { createInterface } = require("node:readline");
const { readFileSync } = require("node:fs");
const vm = require("node:vm");

const script = new vm.Script(readFileSync(process.argv[2], "utf8"));

createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    const world = vm.createContext({ AbortController, CustomEvent });
    script.runInContext(world);
    answer = [vm.runInContext(JSON.parse(line), world) ?? null];
  } catch (error) {
    answer = String(error.stack);
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
