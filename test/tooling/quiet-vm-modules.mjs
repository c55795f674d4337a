// Jest needs `--experimental-vm-modules` to load ES modules, and Node says so in every worker.
// This hides that one warning and no other (`--disable-warning=ExperimentalWarning` would hide all of its kind).
const emitWarning = process.emitWarning;

process.emitWarning = function (warning, ...rest) {
  if (!String(warning).startsWith('VM Modules is an experimental feature')) {
    emitWarning.call(process, warning, ...rest);
  }
};
