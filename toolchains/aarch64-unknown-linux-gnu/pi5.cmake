# Raspberry Pi 5 (Cortex-A76): dot products and half floats, which llama.cpp's kernels use.
# Read by CMake at its first project() when CMAKE_PROJECT_INCLUDE names this file; the
# build script of llama-cpp-sys-2 sets armv8-a otherwise. A Pi 4 cannot run the result.
set(GGML_CPU_ARM_ARCH "armv8.2-a+dotprod+fp16" CACHE STRING "" FORCE)
