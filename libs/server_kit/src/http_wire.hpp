// HTTP messages as octets, without input or output. Boost.Beast stays inside the source file.
#pragma once

#include <memory>
#include <optional>

#include "simplex/server_kit/http.hpp"

namespace simplex::server_kit {

// Cuts a stream into requests.
class RequestReader {
 public:
  explicit RequestReader(std::size_t header_octets);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  void feed(BytesView octets);
  [[nodiscard]] bool begun() const;  // a part of a request is there

  struct Request {
    HttpRequest request;
    bool keep_alive = true;
  };
  // The next whole request, or nothing yet; the error is the status to answer before closing.
  [[nodiscard]] Result<std::optional<Request>, unsigned> next();

 private:
  struct Parser;
  const std::size_t header_octets_;
  std::string buffer_;
  std::unique_ptr<Parser> parser_;
};

// Status line and fields, with the empty line.
[[nodiscard]] std::string response_head(const HttpResponse& response, bool keep_alive, std::size_t body_size,
                                        WallTime now);
// The octets of the answer to a request: 304 when the client has what it asks for, no body to HEAD.
[[nodiscard]] Bytes encode_response(const HttpRequest& request, const HttpResponse& response, bool keep_alive,
                                    WallTime now);

[[nodiscard]] Bytes encode_get(const HttpGet& get);

// One answer.
class ResponseReader {
 public:
  explicit ResponseReader(std::size_t max_body);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  // The whole answer, or nothing yet.
  [[nodiscard]] Result<std::optional<HttpAnswer>> feed(BytesView octets);
  // The stream has ended, which may be the end of the body.
  [[nodiscard]] Result<HttpAnswer> end();

 private:
  struct Parser;
  std::string buffer_;
  std::unique_ptr<Parser> parser_;
};

// The path of a request's target, decoded and safe; nothing for one that is not.
[[nodiscard]] std::optional<std::string> decode_path(std::string_view path);

}  // namespace simplex::server_kit
