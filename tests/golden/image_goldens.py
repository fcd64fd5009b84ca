"""Writes images/: small PNG and JPEG files of every kind that src/io reads or must refuse, with the standard library
alone. Pixels: pixel(y, x, c) below for PNG, blocks of one colour for JPEG (so that decoding is exact).

    /usr/bin/python3 tests/golden/image_goldens.py
"""
import os
import struct
import zlib

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images")
HEIGHT, WIDTH = 3, 5


def pixel(y, x, c):
    return (y * 70 + x * 13 + c * 50) % 256


def save(name, content):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(content)


# ---- PNG ------------------------------------------------------------------------------------------------------------

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(kind, lines, depth=8, extra=b"", interlace=0):
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines))) + chunk(b"IEND", b""))


def plain(channels, alpha=None, wide=False, rows=range(HEIGHT), columns=range(WIDTH)):
    def values(y, x):
        of = [pixel(y, x, c) for c in range(channels)] + ([alpha(y, x)] if alpha else [])
        return b"".join(bytes([v, v] if wide else [v]) for v in of)  # v * 257 is v in 16 bits
    return [b"".join(values(y, x) for x in columns) for y in rows]


def adam7():
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    lines = []
    for y, dy, x, dx in passes:
        rows, columns = range(y, HEIGHT, dy), range(x, WIDTH, dx)
        if rows and columns:
            lines += plain(3, rows=rows, columns=columns)
    return lines


def write_pngs():
    palette = b"".join(bytes(pixel(y, x, c) for c in range(3)) for y in range(HEIGHT) for x in range(WIDTH))
    indices = [bytes(y * WIDTH + x for x in range(WIDTH)) for y in range(HEIGHT)]
    save("grey.png", png(GREY, plain(1)))
    save("colour.png", png(COLOUR, plain(3)))
    save("colour16.png", png(COLOUR, plain(3, wide=True), depth=16))
    save("palette.png", png(PALETTE, indices, extra=chunk(b"PLTE", palette)))
    save("opaque.png", png(COLOUR_ALPHA, plain(3, alpha=lambda y, x: 255)))
    save("opaque_grey.png", png(GREY_ALPHA, plain(1, alpha=lambda y, x: 255)))
    save("transparent.png", png(COLOUR_ALPHA, plain(3, alpha=lambda y, x: 255 - (y == 1 and x == 2))))
    save("interlaced.png", png(COLOUR, adam7(), interlace=1))
    bad_crc = bytearray(png(GREY, plain(1)))
    bad_crc[-13] ^= 1
    save("crc.png", bytes(bad_crc))
    header = struct.pack(">IIBBBBB", 60000, 1000, 8, GREY, 0, 0, 0)
    save("huge.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + png(GREY, plain(1))[33:])
    # An optional chunk that libpng warns about, and nothing else wrong.
    save("warning.png", png(GREY, plain(1), extra=chunk(b"gAMA", b"\0\0\0\0")))


# ---- JPEG: blocks of one colour, so that every coefficient but the first is 0 -----------------------------------------

def segment(marker, content):
    return bytes([0xff, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(blocks):
    """blocks[i] = the components of block i, in a row; 8 x 8 pixels each."""
    components = len(blocks[0])
    lengths = [0, 0, 0, 12] + [0] * 12  # twelve codes of four bits: code s says that s bits follow
    bits, former = "", [0] * components
    for block in blocks:
        for c, value in enumerate(block):
            difference = 8 * (value - 128) - former[c]
            former[c] += difference
            size = abs(difference).bit_length()
            bits += f"{size:04b}"
            if size:
                bits += f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
            bits += "0"  # end of block, the only code of the other table
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = struct.pack(">BHHB", 8, 8, 8 * len(blocks), components)
    frame += b"".join(bytes([c + 1, 0x11, 0]) for c in range(components))
    scan = bytes([components]) + b"".join(bytes([c + 1, 0]) for c in range(components)) + b"\0\x3f\0"
    return (b"\xff\xd8" + segment(0xdb, b"\0" + b"\1" * 64) + segment(0xc0, frame) +
            segment(0xc4, bytes([0x00] + lengths) + bytes(range(12))) +
            segment(0xc4, bytes([0x10, 1] + [0] * 15) + b"\0") + segment(0xda, scan) + coded + b"\xff\xd9")


def write_jpegs():
    save("grey.jpg", jpeg([(40,), (200,)]))
    save("colour.jpg", jpeg([(100, 128, 128), (120, 90, 200)]))
    save("cmyk.jpg", jpeg([(1, 2, 3, 4)]))


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    write_pngs()
    write_jpegs()
