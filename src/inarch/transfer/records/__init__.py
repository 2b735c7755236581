"""The results of transfer learning, as frozen records without torch."""
