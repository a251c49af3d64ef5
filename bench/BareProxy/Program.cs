// The baseline for activation checks: YARP with a single route in front of an endpoint that answers at once.
//   BareProxy empty  URL                 the endpoint
//   BareProxy proxy  URL  DESTINATION    the proxy
using Yarp.ReverseProxy.Configuration;

var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
builder.Logging.ClearProviders();
builder.WebHost.UseUrls(args[1]);
if (args[0] == "empty")
{
    var app = builder.Build();
    app.MapGet(
        "/{**path}", () => Results.Text("""{"status":"ok","message":null,"environment_id":null,"reasons":[]}""", "application/json"));
    await app.RunAsync();
}
else
{
    builder.Services.AddReverseProxy().LoadFromMemory(
        [new RouteConfig { RouteId = "all", ClusterId = "empty", Match = new RouteMatch { Path = "/{**path}" } }],
        [new ClusterConfig
        {
            ClusterId = "empty",
            Destinations = new Dictionary<string, DestinationConfig> { ["empty"] = new() { Address = args[2] } }
        }]);
    var app = builder.Build();
    app.MapReverseProxy();
    await app.RunAsync();
}
