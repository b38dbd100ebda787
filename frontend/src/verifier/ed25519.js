// Verification of Ed25519 (RFC 8032, section 5.1.7). Own code, since browsers offer theirs late, and from files not at all;
// only public values pass through, so nothing can leak by its timing.
const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (a, m = P) => ((a % m) + m) % m;

function power(base, exponent) {
  let out = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) if (e & 1n) out = (out * b) % P;
  return out;
}

const D = mod(-121665n * power(121666n, P - 2n));
const ROOT = power(2n, (P - 1n) / 4n);
const little = (bytes) => bytes.reduceRight((sum, b) => (sum << 8n) | BigInt(b), 0n);

// The point (X : Y : Z : T) of 32 bytes; null where they name none, or not in the one right spelling.
function point(bytes) {
  const y = little(bytes) & (2n ** 255n - 1n),
    sign = BigInt(bytes[31] >> 7);
  if (y >= P) return null;
  const u = mod(y * y - 1n),
    v = mod(D * y * y + 1n);
  let x = mod(u * v ** 3n * power(u * v ** 7n, (P - 5n) / 8n));
  const square = mod(v * x * x);
  if (square === mod(-u)) x = mod(x * ROOT);
  else if (square !== u) return null;
  if (x === 0n && sign) return null;
  if ((x & 1n) !== sign) x = P - x;
  return [x, y, 1n, mod(x * y)];
}

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2)),
    b = mod((y1 + x1) * (y2 + x2)),
    c = mod(2n * t1 * D * t2),
    d = mod(2n * z1 * z2);
  const e = b - a,
    f = d - c,
    g = d + c,
    h = b + a;
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function times(scalar, start) {
  let out = [0n, 1n, 1n, 0n];
  for (let s = scalar, p = start; s > 0n; s >>= 1n, p = add(p, p)) if (s & 1n) out = add(out, p);
  return out;
}

const BASE_Y = mod(4n * power(5n, P - 2n));
const BASE = point(Uint8Array.from({ length: 32 }, (_, i) => Number((BASE_Y >> BigInt(8 * i)) & 255n)));

export function verifySignature(publicKey, message, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const a = point(publicKey),
    r = point(signature.subarray(0, 32)),
    s = little(signature.subarray(32));
  if (!a || !r || s >= L) return false;
  const k = mod(little(sha512(new Uint8Array([...signature.subarray(0, 32), ...publicKey, ...message]))), L);
  const left = times(s, BASE),
    right = add(r, times(k, a));
  return mod(left[0] * right[2] - right[0] * left[2]) === 0n && mod(left[1] * right[2] - right[1] * left[2]) === 0n;
}

// SHA-512 (FIPS 180-4): the 64-bit words are the fractions of roots of the first 80 primes.
const WORD = 2n ** 64n - 1n;
function root(n, degree) {
  let low = 0n,
    high = n + 1n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= n) low = middle;
    else high = middle;
  }
  return low;
}
const primes = [];
for (let n = 2; primes.length < 80; n++) if (primes.every((p) => n % p)) primes.push(n);
const fraction = (p, degree) => root(BigInt(p) << (64n * degree), degree) & WORD;
const K = primes.map((p) => fraction(p, 3n));
const START = primes.slice(0, 8).map((p) => fraction(p, 2n));
const turn = (x, n) => ((x >> n) | (x << (64n - n))) & WORD;

export function sha512(bytes) {
  const data = new Uint8Array(Math.ceil((bytes.length + 17) / 128) * 128);
  data.set(bytes);
  data[bytes.length] = 0x80;
  new DataView(data.buffer).setUint32(data.length - 4, bytes.length * 8);
  const state = [...START];
  for (let block = 0; block < data.length; block += 128) {
    const w = Array.from({ length: 16 }, (_, i) =>
      data.subarray(block + 8 * i, block + 8 * i + 8).reduce((sum, b) => (sum << 8n) | BigInt(b), 0n),
    );
    for (let i = 16; i < 80; i++) {
      const a = w[i - 15],
        b = w[i - 2];
      w[i] =
        (w[i - 16] + (turn(a, 1n) ^ turn(a, 8n) ^ (a >> 7n)) + w[i - 7] + (turn(b, 19n) ^ turn(b, 61n) ^ (b >> 6n))) &
        WORD;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i++) {
      const one = h + (turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n)) + ((e & f) ^ (~e & WORD & g)) + K[i] + w[i];
      const two = (turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) & WORD, c, b, a, (one + two) & WORD];
    }
    [a, b, c, d, e, f, g, h].forEach((v, i) => {
      state[i] = (state[i] + v) & WORD;
    });
  }
  return Uint8Array.from({ length: 64 }, (_, i) => Number((state[i >> 3] >> BigInt(56 - 8 * (i & 7))) & 255n));
}
