// Package pixels turns image files into the input of an encoder, exactly as in the encoder's training.
//
// Decode recognises the format by its content (JPEG, PNG, GIF, BMP, TIFF and BigTIFF, WebP, Netpbm's P1 to P7) and gives 8-bit RGB as
// Pillow's convert("RGB") does: alpha is dropped, palettes are looked up, Adobe's CMYK is inverted. 16-bit grey is reduced to its high
// byte, like all other 16-bit samples; Pillow differs here and turns everything above 255 white. The orientation in EXIF or XMP is applied
// unless it is to be ignored. The error for an unsupported format names it (see Recognise).
//
// JPEG is decoded by the system's libjpeg-turbo if it can be loaded. Otherwise Go code decodes it, with AVX2 about as fast, and at a third of
// the speed without: it rounds where libjpeg rounds and so gives the same pixels; ICONIC_JPEG=go selects it. Either way the Go reader checks
// all headers first, so both accept and refuse the same files. WebP, lossy and lossless, is decoded here, to libwebp's pixels, because no
// library's decoder can be interrupted.
//
// Files come from untrusted sources. The size that a header claims is checked against MaxPixels before anything is allocated, Cost returns
// in advance what decoding will take, entries of TIFF directories are read only when needed, tables are parsed once, overlapping or tiny
// tiles and strips and more than 200 scans are refused, and DecodeContext ends with its context. A picture with missing rows is an error;
// one that merely lacks its end marker is not.
//
// A Transform resizes with Pillow's 8-bit bicubic resampler, bit for bit, crops the centre by torchvision's rule, and scales to float32
// planes. The resampler works horizontally first, then vertically, as the Pillow with which the encoders were trained always did; some
// later versions work vertically first if that is cheaper, and then differ in the last bits.
//
// Transform.View makes augmented views instead, with torchvision's definitions: view v of a file depends only on a seed, the file's content
// and v, so every machine makes the same one.
//
// testdata comes from scripts/oracle/pixels.py.
package pixels
