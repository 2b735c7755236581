"""What a trained net sees: stage by stage, and in single photos; each beside a control that knows nothing."""
