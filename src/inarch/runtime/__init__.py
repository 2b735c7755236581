"""ONNX graphs and the sessions that run them."""
