// Package pixels turns image files into what an encoder is fed, as the encoder's training saw it.
//
// Decode finds the format by content (JPEG, PNG, GIF, BMP, TIFF, WebP), refuses what is too large before it allocates,
// and gives 8-bit RGB as Pillow's convert("RGB") does: alpha dropped, palettes looked up, 16-bit grey clipped, Adobe CMYK
// inverted. JPEG is decoded by the system's libjpeg-turbo where it can be loaded, else in plain Go, which rounds where libjpeg
// rounds and so gives the same pixels at about a third of the speed; ICONIC_JPEG=go asks for the latter. The chroma of lossy WebP is
// upsampled as libwebp does. The EXIF orientation is applied
// unless it is to be ignored.
//
// A Transform resizes with Pillow's 8-bit bicubic resampler, bit for bit, crops the centre by torchvision's rule, and scales to
// float32 planes. The resampler goes across first, then down, as the Pillow that the encoders were trained with always did;
// some later versions go down first where that is cheaper, and differ in last bits there.
//
// Transform.View makes augmented views instead, with torchvision's definitions: view v of a file depends on a seed, the
// file's content and v alone, so that any machine makes the same one.
//
// testdata comes from scripts/oracle/pixels.py.
package pixels
