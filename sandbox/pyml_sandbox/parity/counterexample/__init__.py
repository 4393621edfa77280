"""The smallest input that shows a finding."""
