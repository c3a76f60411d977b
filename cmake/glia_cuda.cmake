# Defines glia::cuda where the CUDA Toolkit, cuBLAS and cuDNN are found, else sets GLIA_CUDA_MISSING. Part of the
# installed package: find_package(glia COMPONENTS cuda) runs it.
if(TARGET glia::cuda)
  return()
endif()

set(GLIA_CUDA_MISSING "")
find_package(CUDAToolkit 13 QUIET)
if(NOT CUDAToolkit_FOUND)
  set(GLIA_CUDA_MISSING "the CUDA Toolkit 13 (NVIDIA's package cuda-toolkit-13-0)")
  return()
endif()
find_package(cuDNN 9 QUIET MODULE)
if(NOT cuDNN_FOUND)
  set(GLIA_CUDA_MISSING "cuDNN 9 (NVIDIA's package cudnn9-cuda-13; set CUDNN_ROOT if it is in an unusual place)")
  return()
endif()

add_library(glia_cuda INTERFACE)
add_library(glia::cuda ALIAS glia_cuda)
target_link_libraries(glia_cuda INTERFACE glia::glia CUDA::cudart CUDA::cublas CUDA::cublasLt cuDNN::cuDNN)
# By hand, because older CMake does not know C++20 for CUDA.
target_compile_options(glia_cuda INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>")
if(TARGET OpenMP::OpenMP_CXX AND OpenMP_CXX_FLAGS)
  # The host half of a .cu file must agree with the .cpp files about threads (it is part of the ABI tag).
  target_compile_options(glia_cuda INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Xcompiler ${OpenMP_CXX_FLAGS}>")
endif()
