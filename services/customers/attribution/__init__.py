"""Attribution: which campaigns an enquiry is credited to."""
