# One shared and one static library made of all parts, the program, and what is installed: headers, a CMake package
# (lyceum::lyceum, and lyceum::static with COMPONENTS static) and a pkg-config file.
include(CMakePackageConfigHelpers)

get_property(parts GLOBAL PROPERTY LYC_PARTS)
list(REMOVE_ITEM parts app)
set(objects)
foreach(part ${parts})
  list(APPEND objects $<TARGET_OBJECTS:lyc_${part}_objects>)
endforeach()
set(dependencies PkgConfig::OPENBLAS PkgConfig::HDF5 PkgConfig::LIBCJSON PkgConfig::SLEEF PkgConfig::LIBXXHASH
                 PkgConfig::LIBPNG PkgConfig::LIBJPEG ZLIB::ZLIB ${ONEDNN_LIBRARIES} Threads::Threads m)

add_library(lyceum SHARED ${objects})
set_target_properties(lyceum PROPERTIES VERSION ${PROJECT_VERSION}
                                        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
if(NOT LYCEUM_SANITIZE) # those symbols come with the program
  # An undefined symbol is an error here, not in the program of a user.
  target_link_options(lyceum PRIVATE LINKER:--no-undefined)
endif()
target_link_libraries(lyceum PRIVATE ${dependencies})
add_library(lyceum_static STATIC ${objects})
set_target_properties(lyceum_static PROPERTIES OUTPUT_NAME lyceum EXPORT_NAME static)
target_link_libraries(lyceum_static PUBLIC ${dependencies})
foreach(library lyceum lyceum_static)
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C)
endforeach()

# The program holds the library, so that it runs from wherever it is put. (The target has another name, since the
# shared library is `lyceum`.)
if(EXISTS ${PROJECT_SOURCE_DIR}/src/app/main.c)
  add_executable(lyceum_program $<TARGET_OBJECTS:lyc_app_objects>)
  set_target_properties(lyceum_program PROPERTIES OUTPUT_NAME lyceum LINKER_LANGUAGE C)
  target_link_libraries(lyceum_program PRIVATE lyceum_static)
  install(TARGETS lyceum_program)
endif()

# ---- installation -----------------------------------------------------------------------------------------------

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lyceum)
install(TARGETS lyceum EXPORT lyceum-targets)
install(TARGETS lyceum_static EXPORT lyceum-static-targets)
install(FILES LICENSE TYPE DOC)
install(DIRECTORY include/lyceum TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(EXPORT lyceum-targets NAMESPACE lyceum:: DESTINATION ${package_folder})
install(EXPORT lyceum-static-targets NAMESPACE lyceum:: DESTINATION ${package_folder})
configure_package_config_file(cmake/lyceum-config.cmake.in lyceum-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(lyceum-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lyceum-config.cmake ${PROJECT_BINARY_DIR}/lyceum-config-version.cmake
        DESTINATION ${package_folder})

# Written out rather than named under Requires.private, so that a user of the shared library needs none of them.
set(private_libraries ${OPENBLAS_LDFLAGS} ${HDF5_LDFLAGS} ${LIBCJSON_LDFLAGS} ${SLEEF_LDFLAGS} ${LIBXXHASH_LDFLAGS}
                      ${LIBPNG_LDFLAGS} ${LIBJPEG_LDFLAGS} -lz -lm -pthread)
foreach(library ${ONEDNN_LIBRARIES})
  if(IS_ABSOLUTE ${library})
    list(APPEND private_libraries ${library})
  else()
    list(APPEND private_libraries -l${library})
  endif()
endforeach()
foreach(folder ${LYCEUM_RPATH})
  list(APPEND private_libraries -Wl,-rpath,${folder})
endforeach()
list(JOIN private_libraries " " LYCEUM_PRIVATE_LIBRARIES)
file(RELATIVE_PATH LYCEUM_PREFIX_FROM_PKGCONFIG ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/lyceum.pc.in lyceum.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lyceum.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
