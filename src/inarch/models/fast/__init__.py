"""What makes models faster and leaves their architecture alone: folding, fused convolutions, a weight gradient."""
