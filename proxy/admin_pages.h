// What a browser finds at admin.http: the dashboard's files, and as JSON what it shows.
#pragma once

#include "proxy/event/http_server.h"
#include "proxy/observe/control_server.h"

namespace ravelin::proxy {

// Of the commands of ravelinctl those that only tell. Both must outlive |http|.
void add_admin_pages(HttpServer& http, ControlServer& control);

}  // namespace ravelin::proxy
