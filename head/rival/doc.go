// Package rival has clustering methods whose losses are not of the I-Con form, trained on the same features for comparison: SCAN, TEMI and
// TURTLE. Each ends with a linear head. Their gradients by probabilities pass through the softmax as
//
//	∂L/∂z_c = φ_c (∂L/∂φ_c − Σ_k φ_k ∂L/∂φ_k) / T,   φ = softmax(z/T).
package rival
