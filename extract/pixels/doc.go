// Package pixels turns image files into what an encoder is fed, as the encoder's training saw it.
//
// Decode finds the format by content (JPEG, PNG, GIF, BMP, TIFF and BigTIFF, WebP, Netpbm's P1 to P7) and gives 8-bit RGB as Pillow's
// convert("RGB") does: alpha is dropped, palettes are looked up, Adobe's CMYK is inverted. 16-bit grey gives its high byte, as all other
// 16-bit samples do; that is a departure from Pillow, which makes everything above 255 white. The orientation that EXIF or XMP states is
// applied unless it is to be ignored. Files of other kinds are named in the error (see Recognise).
//
// JPEG is decoded by the system's libjpeg-turbo where it can be loaded, else in plain Go, which rounds where libjpeg rounds and so gives
// the same pixels at about a third of the speed; ICONIC_JPEG=go asks for the latter. Either way the Go reader looks at all headers first,
// so that both take and refuse the same files. WebP, lossy and lossless, is decoded here, to libwebp's pixels: no library's decoder can be stopped.
//
// Files are other people's bytes. What a header claims is held to MaxPixels before anything is allocated, Cost tells in advance what
// decoding will take, entries of TIFF directories are read when their tags are asked for, tables are parsed once, overlapping or tiny
// pieces and more than 200 scans are refused, and DecodeContext ends with its context. A picture whose rows are not all there is an
// error; one that merely lacks its end marker is not.
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
