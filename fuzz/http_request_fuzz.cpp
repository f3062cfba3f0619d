// rooms: server_kit
// inside: libs/server_kit/src
// Octets of a stranger on the web port. Requests are the same in one piece, octet by octet and in other pieces;
// none has a path that leaves its place, and the answer to it has one head.
#include <algorithm>

#include "allocation_bound.hpp"
#include "http_wire.hpp"
#include "require.hpp"

namespace {

using namespace simplex;              // NOLINT: one file, no header
using namespace simplex::server_kit;  // NOLINT
using fuzz::require;

constexpr std::size_t header_octets = 1'024;
constexpr std::size_t most_requests = 100;

using Requests = std::vector<RequestReader::Request>;

Requests read(BytesView input, std::size_t piece) {
  Requests made;
  RequestReader reader(header_octets);
  while (!input.empty() && made.size() < most_requests) {
    const auto octets = input.first(std::min(piece, input.size()));
    input = input.subspan(octets.size());
    reader.feed(octets);
    while (made.size() < most_requests) {
      auto request = reader.next();
      if (!request) {
        require(request.error() >= 400 && request.error() < 600);
        return made;
      }
      if (!*request) break;
      made.push_back(**std::move(request));
      if (!made.back().keep_alive) return made;
    }
  }
  return made;
}

void check(const HttpRequest& request) {
  const std::string_view path = request.path;
  require(path.starts_with('/') && path.find('\\') == path.npos && path.find('\0') == path.npos);
  require((std::string(path) + '/').find("/../") == std::string::npos);
  auto response = HttpResponse::text(200, "hello");
  response.etag = "\"one\"";
  const auto answer = to_bytes(encode_response(request, response, true, WallTime()));
  const auto text = as_text(answer);
  const auto end = text.find("\r\n\r\n");
  require(end != text.npos &&
          text.substr(end + 4) == (request.head || text.starts_with("HTTP/1.1 304 ") ? "" : "hello"));
}

bool same(const RequestReader::Request& a, const RequestReader::Request& b) {
  return a.keep_alive == b.keep_alive && a.request.head == b.request.head && a.request.path == b.request.path &&
         a.request.query == b.request.query && a.request.fields == b.request.fields;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView input(data + 1, size - 1);
  // A field of four octets is two strings here, and one of Beast's.
  const fuzz::AllocationBound bound(64 * 1'024 + 128 * size);
  const auto whole = read(input, input.size());
  for (const auto& request : whole) check(request.request);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2} + data[0]}) {
    const auto pieces = read(input, piece);
    // An error may be seen before the header has ended, or only then.
    require(pieces.size() == whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) require(same(pieces[i], whole[i]));
  }
  return 0;
}
