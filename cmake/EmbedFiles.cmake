# simplex_embed(TARGET t HEADER embedded.hpp NAMESPACE a::b FUNCTION name FILES path=name ...)
#
# Puts the contents of files into the program: the function of that name, which the header declares as returning
# std::span<const EmbeddedFile>, gives them under their names. They are read when CMake runs, and again when they change.
function(simplex_embed)
  cmake_parse_arguments(ARG "" "TARGET;HEADER;NAMESPACE;FUNCTION" "FILES" ${ARGN})
  set(arrays "")
  set(entries "")
  set(number 0)
  foreach(pair IN LISTS ARG_FILES)
    string(REPLACE "=" ";" pair "${pair}")
    list(GET pair 0 path)
    list(GET pair 1 name)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    file(READ ${path} octets HEX)
    string(REGEX REPLACE "(..)" "\\\\x\\1" octets "${octets}")
    string(APPEND arrays "constexpr char file_${number}[] = \"${octets}\";\n")
    string(APPEND entries "      {\"${name}\", {file_${number}, sizeof file_${number} - 1}},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${ARG_FUNCTION}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${ARG_HEADER}\"

namespace ${ARG_NAMESPACE} {
namespace {
${arrays}}  // namespace

std::span<const EmbeddedFile> ${ARG_FUNCTION}() {
  static constexpr EmbeddedFile files[] = {
${entries}  };
  return files;
}

}  // namespace ${ARG_NAMESPACE}
" @ONLY)
  target_sources(${ARG_TARGET} PRIVATE ${source})
endfunction()
