"""What the mock says to a prompt, reckoned a second time: src/mock/mock_answer.c and the generator under it, in Python.
So each answer can be checked to the byte without asking anybody."""
import re

MASK = (1 << 64) - 1
FILLER = b"river over stone and water falls slowly past the mill while light moves under every bridge".split()
SAID_BYTES, TOKEN_BYTES = 4096, 12
# with its blank before it, no longer than a token: a stream never cuts one in two
NONCE = re.compile(rb"nz[0-9a-f]{9}")


def _hash(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & MASK
    return value


class Generator:
    """xoshiro256**, seeded by splitmix64, as src/base/prng.c."""

    def __init__(self, seed):
        self.state = []
        for _ in range(4):
            seed = seed + 0x9e3779b97f4a7c15 & MASK
            z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9 & MASK
            z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
            self.state.append(z ^ z >> 31)

    def next(self):
        s = self.state
        x = s[1] * 5 & MASK
        result = (x << 7 | x >> 57) * 9 & MASK
        t = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = (s[3] << 45 | s[3] >> 19) & MASK
        return result

    def below_16(self):
        return self.next() * 16 >> 64  # 16 divides 2^64: nothing is ever rejected


def _tokens(content):
    """As the mock cuts, of ASCII: a blank and what follows it up to the next, twelve bytes at most."""
    tokens, at = [], 0
    while at < len(content):
        end = at + 1 if content[at] == 32 else at
        while end < len(content) and content[end] != 32 and end - at < TOKEN_BYTES:
            end += 1
        tokens.append(content[at:end])
        at = end
    return tokens


def answer(prompt, tokens=0, max_tokens=None, mock_seed=1):
    """(text, finish, output tokens) to a prompt in ASCII, without its directive; `tokens` as the directive has it."""
    prompt = prompt.encode()
    content = b"You said: " + prompt[:SAID_BYTES]
    if tokens:
        draw = Generator(_hash(prompt) ^ mock_seed)
        content += b"".join(b" " + FILLER[draw.below_16()] for _ in range(tokens))
    cut, finish = _tokens(content), "stop"
    if tokens:
        cut = cut[:tokens]
    if max_tokens is not None and len(cut) > max_tokens:
        cut, finish = cut[:max_tokens], "length"
    return b"".join(cut).decode(), finish, len(cut)


def nonces(data):
    return set(NONCE.findall(data))
