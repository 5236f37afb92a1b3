"""DICOM in and out: FLAIR series to BIDS, and lesions back as DICOM segmentations. Needs the extra `dicom`."""
