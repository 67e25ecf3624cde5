"""Your own pictures in every odd format."""

import gc
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps

from diffusion_lib import data
from diffusion_lib.data import folder, load, own, photo
from diffusion_lib.data.own import square

# ---------------------------------------------------------------------------------------- your own pictures


def file(image, path, **options):
    image.save(path, **options)
    return path


def half(mode="RGB", left=(255, 0, 0), right=(0, 0, 255), size=(60, 40)):
    image = Image.new(mode, size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    return image


def colours(d):
    """The left and the right half's mean colour in 0..255."""
    x = (d.x[0] + 1) * 127.5
    return x[:, :, : x.shape[2] // 2 - 1].mean((1, 2)), x[:, :, x.shape[2] // 2 + 1 :].mean((1, 2))


RED, BLUE, WHITE = torch.tensor([255.0, 0, 0]), torch.tensor([0, 0, 255.0]), torch.full((3,), 255.0)


@pytest.mark.parametrize("suffix", ("png", "jpg", "bmp", "gif", "webp", "tiff"))
def test_any_format_from_path_bytes_image_or_array(tmp_path, suffix):
    path = file(half(), tmp_path / f"a.{suffix}")
    for source in (
        path,
        str(path),
        path.read_bytes(),
        memoryview(path.read_bytes()),
        Image.open(path),
        np.asarray(half()),
    ):
        d = photo(source, size=16)
        left, right = colours(d)
        assert d.x.shape == (1, 3, 16, 16) and (left - RED).abs().max() < 12 and (right - BLUE).abs().max() < 12


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    left, right = colours(photo(file(half(), tmp_path / "a.jpg", exif=exif), size=16))
    assert (left - BLUE).abs().max() < 12 and (right - RED).abs().max() < 12


def test_transparency_becomes_white():
    image = half("RGBA", (255, 0, 0, 255), (0, 0, 255, 0))
    left, right = colours(photo(image, size=16))
    assert (left - RED).abs().max() < 3 and (right - WHITE).abs().max() < 3


def test_sixteen_bits_cmyk_palette_grey_and_animation(tmp_path):
    deep = np.zeros((20, 20), np.uint16)
    deep[:, 10:] = 65535
    left, right = colours(photo(file(Image.fromarray(deep), tmp_path / "deep.png"), size=16))
    assert left.max() < 3 and right.min() > 252
    left, _ = colours(photo(file(half().convert("CMYK"), tmp_path / "c.jpg"), size=16))
    assert (left - RED).abs().max() < 30
    assert (colours(photo(half().convert("P"), size=16))[0] - RED).abs().max() < 12
    assert photo(half().convert("L"), size=16).x.shape == (1, 3, 16, 16)
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (colours(photo(tmp_path / "a.gif", size=8))[0] - RED).abs().max() < 3


def test_crop_or_squeeze():
    wide = half(size=(100, 20))
    assert (colours(photo(wide, size=10))[0] - RED).abs().max() < 3
    strip = Image.new("RGB", (100, 20), "white")
    strip.paste((0, 0, 0), (0, 0, 10, 20))  # black at the far left: cropped away, or squeezed in
    assert photo(strip, size=10).x.min() > 0.9 and photo(strip, size=10, crop="none").x.min() < -0.8


def bomb(side):
    """A tiny file that claims side x 10,000 pixels."""
    buffer = io.BytesIO()
    Image.new("1", (side, 10_000)).save(buffer, "png")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "call,says",
    [
        (lambda p: photo(p / "none.png"), "There is no file"),
        (lambda p: photo(p), "There is no file"),
        (lambda p: photo(b"hello"), "cannot be read as an image"),
        (lambda p: photo(b""), "cannot be read as an image"),
        (lambda p: photo(file(half(), p / "a.png").read_bytes()[:90]), "cannot be read as an image"),
        (lambda p: photo(bomb(11_000)), "11000 x 10000 pixels, more than 100 million"),
        (lambda p: photo(bomb(30_000)), "far more than 100 million"),
        (lambda p: photo(half(), size=0), "2 to 1024"),
        (lambda p: photo(half(), size=64.0), "2 to 1024"),
        (lambda p: photo(half(), crop="left"), '"center" or "none"'),
        (lambda p: folder(p / "none"), "There is no folder"),
        (lambda p: folder(p), "has no pictures"),
        (lambda p: load("minst"), "choose one of digits, mnist"),
        (lambda p: load("digits", n=5), "digits has no option 'n'"),
        (lambda p: load("ring", size=5), "it has n, seed"),
        *[
            (lambda p, name=name: load(name, n=0), "at least 2 points")
            for name in ("ring", "grid", "moons", "swiss_roll", "cat")
        ],
        (lambda p: next(data.ring(10).batches(0)), "at least 1"),
        (lambda p: next(data.ring(10).subset(0).batches(4)), "there are 0 items"),
    ],
)
def test_bad_input_gets_one_sentence(call, says, tmp_path):
    with pytest.raises((ValueError, OSError)) as error:
        call(tmp_path)
    assert says in str(error.value) and "\n" not in str(error.value) and str(error.value)[-1] in ".)"


def test_a_folder_in_order_with_classes_and_limits(tmp_path):
    for kind, colour in (("dogs", "red"), ("cats", "blue")):
        (tmp_path / kind).mkdir()
        for i in range(3):
            Image.new("RGB", (30, 20), colour).save(tmp_path / kind / f"{i}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    d = folder(tmp_path, size=8)
    assert d.x.shape == (6, 3, 8, 8) and d.names == ("cats", "dogs") and d.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(d.x, folder(tmp_path, size=8).x)
    with pytest.warns(UserWarning, match="6 pictures; the first 4 are used"):
        assert len(folder(tmp_path, size=8, limit=4)) == 4
    with pytest.warns(UserWarning, match="max_mb"):
        assert len(folder(tmp_path, size=256, max_mb=2)) == 2
    (tmp_path / "cats" / "broken.png").write_bytes(b"no")
    with pytest.warns(UserWarning, match="1 of 7 files cannot be read"):
        assert len(folder(tmp_path, size=8)) == 6


def test_a_folder_of_broken_files_says_so(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(ValueError, match="None of the 1 files"):
        folder(tmp_path)


# ---------------------------------------------------------------------------------------- pictures as people have them


def jpeg_with_exif(entry: bytes, tail: bytes = b"") -> bytes:
    """A good JPEG, red on the left, that is to be turned upside down, with one odd entry in its EXIF block."""
    buffer = io.BytesIO()
    half().save(buffer, "JPEG", quality=95)
    rows = [struct.pack("<HHIHH", 0x112, 3, 1, 3, 0), entry]
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + b"".join(rows) + struct.pack("<I", 0) + tail
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + buffer.getvalue()[2:]


ODD_EXIF = {
    "rational -1/0": (struct.pack("<HHII", 0x11A, 10, 1, 38), struct.pack("<ii", -1, 0)),
    "text for a rational": (struct.pack("<HHI", 0x11A, 2, 4) + b"72\0\0", b""),
    "a pointer to nowhere": (struct.pack("<HHII", 0x8769, 4, 1, 60000), b""),
}


@pytest.mark.parametrize("odd", ODD_EXIF.values(), ids=ODD_EXIF)
def test_a_slip_in_the_exif_block_costs_neither_the_picture_nor_its_turn(odd, tmp_path):
    left, right = colours(photo(jpeg_with_exif(*odd), 16))
    assert (left - BLUE).abs().max() < 12 and (right - RED).abs().max() < 12
    (tmp_path / "a.jpg").write_bytes(jpeg_with_exif(*odd))
    half().save(tmp_path / "b.png")
    assert len(folder(tmp_path, 16)) == 2


@pytest.mark.parametrize("turn", range(1, 9))
def test_all_eight_turns_of_exif(turn):
    """As Pillow's own, which also writes the block anew and so stumbles over what is odd in it."""
    image, exif, buffer = (
        Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20),
        Image.Exif(),
        io.BytesIO(),
    )
    exif[0x0112] = turn
    image.save(buffer, "PNG", exif=exif)
    want = ImageOps.exif_transpose(Image.open(io.BytesIO(buffer.getvalue()))).convert("RGB")
    got = own.square(buffer.getvalue(), 8, "none")
    assert (got == np.asarray(want.resize((8, 8), Image.Resampling.LANCZOS))).all()


def test_litter_and_links_in_a_folder(tmp_path):
    ours = "cat/1.png dog/2.png far/3.png"
    litter = (
        ".ipynb_checkpoints/1-checkpoint.png @eaDir/1.png cat/.thumbnails/1.png __MACOSX/._1.png cat/._1.png .Trash-0/9.png "
        "lost+found/9.png #recycle/9.png"
    )
    for name in f"{ours} {litter}".split():
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "all" / name)
    (tmp_path / "all" / "far").rename(tmp_path / "elsewhere")
    (tmp_path / "all" / "owl").symlink_to(tmp_path / "elsewhere")  # a class on another disk
    (tmp_path / "all" / "owl" / "round").symlink_to(tmp_path / "all")  # and a circle
    d = folder(tmp_path / "all", 8)
    assert d.names == ("cat", "dog", "owl") and d.y.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "a,level",
    [
        (np.full((8, 8, 3), 0.5, np.float32), 128),
        (np.full((8, 8), 0.5), 128),
        (np.full((8, 8, 3), 100), 100),
        (np.full((8, 8, 1), 100, np.uint8), 100),
        (np.full((8, 8), 100, np.int16), 100),
        (np.full((8, 8), True), 255),
        (np.full((8, 8), 25700, np.uint16), 100),
        (np.full((8, 8), 200, np.uint16), 1),
    ],
)
def test_arrays_mean_what_their_kind_says(a, level):
    assert colours(photo(a, 16))[0].tolist() == pytest.approx([level] * 3, abs=1)


@pytest.mark.parametrize(
    "source,says",
    [
        (torch.zeros(3, 8, 8), "figures.to_uint8"),
        (None, "a path, bytes, a PIL image or an array, but got NoneType"),
        ([[0]], "but got list"),
        (np.full((8, 8, 3), 2.5), "from 2.5 to 2.5"),
        (np.full((8, 8, 3), 300), "goes from 0 to 255"),
        (np.full((8, 8, 3), -1), "from -1 to -1"),
        (np.zeros((8, 8, 2)), r"float64 \(8, 8, 2\)"),
        (np.zeros((0, 8)), r"\(0, 8\)"),
        (np.zeros((8, 8), complex), "complex128"),
        (np.array([["a"]]), "<U1"),
    ],
    ids=str,
)
def test_what_is_no_picture_is_one_sentence(source, says):
    with pytest.raises(ValueError, match=says) as error:
        photo(source, 16)
    assert "whole PNG" not in str(error.value) and "\n" not in str(error.value)


@pytest.mark.filterwarnings("error")
def test_more_than_eight_bits():
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    hole = ramp.copy()
    hole[:8] = np.nan
    x = photo(Image.fromarray(hole), 64).x[0, 0]
    assert x[4].max() < -0.98 and x[40].max() > 0.98
    for top, bits in ((1, 1), (1000, None), (255, 255)):
        x = photo(Image.fromarray(top * ramp), 64).x
        assert x.max() > 0.98 and x.min() < -0.98, (top, bits)
    for top in (4095, 16383, 65535):  # 12, 14 and 16 bits in 16
        assert photo(Image.fromarray((top * ramp).astype(np.uint16)), 64).x.max() > 0.98
    # as dark as every viewer shows it
    assert photo(Image.fromarray((200 * ramp).astype(np.uint16)), 64).x.max() < -0.98
    assert photo(Image.fromarray(ramp - 0.5), 64).x.min() < -0.98


def test_a_colour_profile_is_followed_and_a_broken_one_left_alone():
    """The profile here has red and green exchanged, made from sRGB's own."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = (
        srgb.replace(b"rXYZ", b"????")
        .replace(b"gXYZ", b"rXYZ")
        .replace(b"????", b"gXYZ")
        .replace(b"s\0R\0G\0B", b"o\0d\0d\0 ")
    )
    for profile, want in ((srgb, (220, 60, 50)), (swapped, (60, 220, 50)), (b"no profile", (220, 60, 50))):
        for mode in ("RGB", "RGBA"):
            buffer = io.BytesIO()
            Image.new("RGB", (16, 16), (220, 60, 50)).convert(mode).save(buffer, "PNG", icc_profile=profile)
            assert (colours(photo(buffer.getvalue(), 16))[0] - torch.tensor(want)).abs().max() < 3, mode


@pytest.mark.heavy
def test_a_file_is_closed_when_its_picture_is_read(tmp_path):
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue")]
    for name in ("a.gif", "a.tif", "a.png"):
        frames[0].save(tmp_path / name, **({} if name == "a.png" else {"save_all": True, "append_images": frames[1:]}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("a.gif", "a.tif", "a.png"):
            photo(tmp_path / name, 8)
        gc.collect()  # half a second
    (tmp_path / "b.png").write_bytes(b"no")
    with pytest.raises(ValueError, match="cannot be read"), warnings.catch_warnings():
        warnings.simplefilter("error")
        photo(tmp_path / "b.png", 8)


def test_a_text_bomb_is_one_sentence_of_ours():
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 80_000_000, 9))
    body = chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * 4) * 4)) + chunk(b"IEND", b"")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        photo(b"\x89PNG\r\n\x1a\n" + head + text + body, 16)


# ---------------------------------------------------------------------------------------- pictures and data


def test_photos_are_turned_made_square_and_put_on_white():
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))  # left half blue
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter, clockwise, to see it upright
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, exif=exif)
    turned = square(out.getvalue(), 16, crop="none").astype(int)
    assert turned[2, 8, 2] > 200 > 60 > turned[2, 8, 0] and turned[13, 8, 0] > 200  # blue above, red below
    wide = Image.new("RGB", (90, 30), "green")
    wide.paste("red", (0, 0, 30, 30))
    assert square(wide, 15, crop="center")[:, :, 0].max() < 60 and square(wide, 15, crop="none")[7, 2, 0] > 200
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert square(clear, 8).min() == 255
