"""What transfer learning measures, as frozen records without torch."""
