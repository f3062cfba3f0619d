# simplex_library(NAME crypto DEPS base encoding PRIVATE OpenSSL::Crypto)
#
# One room of the house. The folder of the calling CMakeLists.txt holds include/ (the contract), src/ and test/.
# DEPS are the rooms it may include: there is no other include path, so an include that ARCHITECTURE forbids does not
# compile. PRIVATE are libraries that only its sources use. Sources, headers and tests are found by name.
# Makes: simplex_<name> (static library, alias simplex::<name>) and <name>_test (if test/ has sources).
function(simplex_library)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;PRIVATE;TEST_DEPS" ${ARGN})
  set(target simplex_${ARG_NAME})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/*.cpp src/*.c)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/*.hpp)
  list(TRANSFORM ARG_DEPS PREPEND simplex_)

  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PRIVATE src)
    simplex_use_pch(${target} simplex_pch)
    target_link_libraries(${target} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE} simplex_warnings)
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${ARG_DEPS})
    set(scope INTERFACE)
  endif()
  add_library(simplex::${ARG_NAME} ALIAS ${target})
  if(headers)
    target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS include FILES ${headers})
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()

  # What stands in test/alone/ is a program of its own, and test/contract/ is shared with it: the room's CMakeLists.txt
  # makes both.
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS test/*.cpp)
  list(FILTER tests EXCLUDE REGEX "/test/(alone|contract)/")
  if(tests)
    simplex_test(NAME ${ARG_NAME}_test SOURCES ${tests} DEPS ${ARG_NAME} LINK ${ARG_TEST_DEPS})
    target_include_directories(${ARG_NAME}_test PRIVATE src test)
  endif()
endfunction()

# simplex_test(NAME x_test SOURCES a.cpp DEPS crypto testing LINK rapidcheck). WHOLE: run as one test of ctest, because
# its tests share something that is dear to make.
function(simplex_test)
  cmake_parse_arguments(ARG "WHOLE" "NAME" "SOURCES;DEPS;LINK" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND simplex_)
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  simplex_use_pch(${ARG_NAME} simplex_test_pch)
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} simplex_testing ${ARG_LINK} GTest::gmock GTest::gtest_main
    simplex_warnings)
  target_compile_definitions(${ARG_NAME} PRIVATE SIMPLEX_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    SIMPLEX_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  if(SIMPLEX_SANITIZE MATCHES "thread")
    # GoogleTest is Debian's. Were its copies of std's templates seen from outside, RocksDB would run them instead of
    # its own, and what tools/dev/tsan.supp says of RocksDB would not meet them.
    target_link_options(${ARG_NAME} PRIVATE LINKER:--exclude-libs,libgtest.a:libgtest_main.a:libgmock.a)
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
    set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT 300)
    return()
  endif()
  include(GoogleTest)
  gtest_discover_tests(${ARG_NAME} TEST_PREFIX "${ARG_NAME}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 300)
endfunction()

# simplex_app(NAME smp-server DEPS smp_server PRIVATE CLI11::CLI11): an executable of the calling folder.
function(simplex_app)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(TRANSFORM ARG_DEPS PREPEND simplex_)
  add_executable(${ARG_NAME} ${sources})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} ${ARG_PRIVATE} simplex_warnings)
endfunction()
