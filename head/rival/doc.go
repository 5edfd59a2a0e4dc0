// Package rival is clusterings of cached features whose losses are not of the I-Con form, trained on the same features for comparison: SCAN,
// TEMI and TURTLE. Each ends in a linear head. Their gradients by probabilities go through the softmax as
//
//	∂L/∂z_c = φ_c (∂L/∂φ_c − Σ_k φ_k ∂L/∂φ_k) / T,   φ = softmax(z/T).
package rival
