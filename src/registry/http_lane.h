// What a transfer borrows, and how it is set up for the host that it asks: see http.h.
#ifndef CORACLE_REGISTRY_HTTP_LANE_H_
#define CORACLE_REGISTRY_HTTP_LANE_H_

#include <curl/curl.h>

#include <string>

namespace coracle::registry {

struct HttpLane {
  HttpLane();
  ~HttpLane();
  HttpLane(const HttpLane&) = delete;
  HttpLane& operator=(const HttpLane&) = delete;

  CURLM* multi;
  CURL* easy;
};

// Proxies of the environment, as libcurl reads them (http_proxy, https_proxy, all_proxy, no_proxy, the latter
// three also in upper case), and HTTP_PROXY, which it leaves to others for fear of CGI. Never for this host
// itself.
void SetProxy(CURL* easy, const std::string& url);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_HTTP_LANE_H_
