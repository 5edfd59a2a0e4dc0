// Package precision rewrites the weights of an ONNX model in fewer bits.
//
// Float16 halves the file and computes as before: each weight is widened again, once, when a session starts.
//
// Int8 computes the linear layers in integers, which is what makes it fast. A layer y = x·W becomes
//
//	y_ij = s_i · t_j · Σ_k (x̂_ik − 128) ŵ_kj,   x̂_ik = round(x_ik / s_i) + 128,   ŵ_kj = round(w_kj / t_j)
//
// with one scale t_j = max_k |w_kj| / 64 for each output channel, known beforehand, and one scale
// s_i = max_k |x_ik| / 127 for each row of x, which is a token, found as it comes. The usual rewrite has one scale
// for all of x, batch included (DynamicQuantizeLinear). It would make the features of an image depend on which other
// images it is encoded with, and the few large activations of a vision transformer would take the resolution from
// all tokens: on ViT-Ti/16 and photographs the mean cosine to the float32 features was 0.93 with one scale and 0.997
// with one a token, for 3 % of the time.
//
// All operators are standard ones; ONNX Runtime joins the integer product with its scaling.
package precision
