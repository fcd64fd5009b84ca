# OpenBLAS, the pthread flavour.
#
# Debian packages three flavours (pthread, openmp, serial) whose libraries have one name, libopenblas.so.0. Which of
# them `pkg-config openblas` and the dynamic linker find is the system administrator's choice (update-alternatives),
# and only the pthread flavour computes correctly when several threads call it. So its own folder goes first: for
# pkg-config here, and for the dynamic linker as an rpath of everything that is installed (LYCEUM_RPATH). Lyceum also
# checks the flavour when it starts, since a preloaded library can still come between.
if(EXISTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread/pkgconfig/openblas.pc)
  set(ENV{PKG_CONFIG_PATH} "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread/pkgconfig:$ENV{PKG_CONFIG_PATH}")
endif()
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
foreach(folder ${OPENBLAS_LIBRARY_DIRS})
  string(REGEX REPLACE "/$" "" folder ${folder})
  list(APPEND LYCEUM_RPATH ${folder})
endforeach()
set(CMAKE_INSTALL_RPATH ${LYCEUM_RPATH})
