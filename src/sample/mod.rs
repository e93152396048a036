//! Sampling of memory, CPU, descriptors and more.
