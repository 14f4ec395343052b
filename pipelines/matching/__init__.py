"""Do pairs match photos, and do they help? Sets compared, audited, and tried out."""
