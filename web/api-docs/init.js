// A file of its own, because inline scripts are forbidden.
window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  // Never ask another site to check the document.
  validatorUrl: null,
})
