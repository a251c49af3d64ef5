// A service that behaves as its environment says, for the tests of what runs services.
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
if (builder.Configuration["FAIL_WITH"] is { Length: > 0 } reason)
{
    Console.WriteLine($"cannot start: {reason}");
    return 3;
}

var app = builder.Build();
app.MapGet("/health/ready", () => "ready");
app.MapGet("/settings/{name}", (string name, IConfiguration settings) => settings[name] ?? "");
app.MapPost("/exit/{code:int}", (int code) => Environment.FailFast($"asked to end with {code}"));
app.Run();
return 0;
