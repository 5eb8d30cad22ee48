"use strict";
// The list of documents stands in the page, so that this script is the same for every server.
const place = document.getElementById("docs");
window.ui = SwaggerUIBundle({
  urls: JSON.parse(place.dataset.documents),
  domNode: place,
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
});
