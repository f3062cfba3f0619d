# SQLite with encryption (SQLCipher 4), built from the amalgamation that tools/fetch_third_party.sh brings. Makes the
# target sqlcipher. It is not our code, so it is built without our warnings, and always with optimization.
set(SQLCIPHER_DIR ${CMAKE_SOURCE_DIR}/.cache/third_party/sqlcipher-6.0.0 CACHE PATH "Folder of sqlite3.c and sqlite3.h")
if(NOT EXISTS ${SQLCIPHER_DIR}/sqlite3.c)
  message(FATAL_ERROR "The source of SQLCipher is not there. Run tools/fetch_third_party.sh (./dev does), then configure "
    "again.")
endif()

add_library(sqlcipher STATIC ${SQLCIPHER_DIR}/sqlite3.c)
target_include_directories(sqlcipher SYSTEM PUBLIC ${SQLCIPHER_DIR})
# Its own undefined behaviour (function pointers of another type) is not ours to report.
target_compile_options(sqlcipher PRIVATE -w -O2 -fno-sanitize=undefined)
target_compile_definitions(sqlcipher PUBLIC SQLITE_HAS_CODEC PRIVATE
  SQLCIPHER_CRYPTO_OPENSSL
  SQLITE_EXTRA_INIT=sqlcipher_extra_init
  SQLITE_EXTRA_SHUTDOWN=sqlcipher_extra_shutdown
  SQLITE_TEMP_STORE=2
  SQLITE_THREADSAFE=2
  SQLITE_DQS=0
  SQLITE_DEFAULT_MEMSTATUS=0
  SQLITE_DEFAULT_FOREIGN_KEYS=1
  SQLITE_OMIT_LOAD_EXTENSION
  SQLITE_OMIT_DEPRECATED
  SQLITE_LIKE_DOESNT_MATCH_BLOBS
  HAVE_STDINT_H)
target_link_libraries(sqlcipher PUBLIC OpenSSL::Crypto Threads::Threads m)
