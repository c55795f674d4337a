/** Something that an application can throw. */
export interface Thrown {
  readonly name: string;
  make(): unknown;
  /** What the log says of it. */
  readonly text: string;
}

/** A way in which a function of the application can fail. */
export interface Fault {
  readonly name: string;
  /** What was thrown, or is the reason of a rejection; a fault is good for one use or many. */
  readonly thrown: unknown;
  readonly text: string;
  /** It never comes to an end. */
  readonly isSilent: boolean;
  /** What the function does: it throws, or it returns this. */
  act(): unknown;
}

const unreadable = (): never => {
  throw new Error('It cannot be looked at');
};

/** Like an error, and whatever looks at it is thrown at. */
function unreadableError(): Error {
  const error = new Error();
  // The stack first: whoever makes its text reads the others.
  for (const key of ['stack', 'name', 'message', 'toString', 'toJSON'])
    Object.defineProperty(error, key, { get: unreadable });
  return error;
}

export const THROWN: readonly Thrown[] = [
  { name: 'an Error', make: () => new Error('out of order'), text: 'out of order' },
  { name: 'undefined', make: () => undefined, text: 'undefined' },
  {
    name: 'a frozen object without prototype',
    make: () => Object.freeze(Object.create(null) as object),
    text: '[Object: null prototype] {}',
  },
  { name: 'an error that cannot be looked at', make: unreadableError, text: 'an error that cannot be shown' },
  {
    name: 'an error whose message is a symbol',
    make: () => Object.assign(new Error(), { stack: 'Error', message: Symbol('out of order') }),
    text: 'Symbol(out of order)',
  },
];

function fault(name: string, { make, text }: Thrown, act: (thrown: unknown) => unknown, isSilent = false): Fault {
  const thrown = make();
  return { name, thrown, text, isSilent, act: () => act(thrown) };
}

/** The two that are handled least like an error. */
const REJECTED = ['undefined', 'an error that cannot be looked at'];
const [anError] = THROWN as readonly [Thrown];

/** It throws. */
export const THROWING: readonly Fault[] = THROWN.map((thrown) =>
  fault(`throws ${thrown.name}`, thrown, (value) => {
    throw value;
  }),
);

/** It promises, and breaks that. */
export const REJECTING: readonly Fault[] = THROWN.filter(({ name }) => REJECTED.includes(name)).map((thrown) =>
  fault(`rejects with ${thrown.name}`, thrown, (value) => Promise.reject(value)),
);

/** What it returns can be awaited, and is no promise of the platform. */
export const THENABLE: readonly Fault[] = [
  fault('returns what throws when it is awaited', anError, (value) => ({
    then: () => {
      throw value;
    },
  })),
  fault('returns what rejects, and then resolves, when it is awaited', anError, (value) => ({
    then: (resolve: () => void, reject: (error: unknown) => void) => {
      reject(value);
      resolve();
    },
  })),
];

/** All ways in which a function that may be asynchronous can fail. */
export const FAILING: readonly Fault[] = [...THROWING, ...REJECTING, ...THENABLE];

/** It never comes to an end. */
export const SILENT: readonly Fault[] = [
  fault('never resolves', anError, () => new Promise(() => undefined), true),
  fault('returns what never calls back', anError, () => ({ then: () => undefined }), true),
];

/** Every case with every fault, as rows for `it.each`. */
export function each<C extends readonly [name: string, ...unknown[]]>(
  cases: readonly C[],
  faults: readonly Fault[],
): [string, string, Fault, C][] {
  return cases.flatMap((row) => faults.map((one): [string, string, Fault, C] => [row[0], one.name, one, row]));
}

/** Where the application can fail: it does so from `breaks()` to `mends()`. */
export class Weakness {
  /** How often it has failed. */
  failures = 0;
  private fault: Fault | undefined;

  /** What the application does there. */
  readonly act = (): unknown => {
    if (this.fault !== undefined) this.failures++;
    return this.fault?.act();
  };

  breaks(fault: Fault): void {
    this.fault = fault;
    this.failures = 0;
  }

  mends(): void {
    this.fault = undefined;
  }
}
