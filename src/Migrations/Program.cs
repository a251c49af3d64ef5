using EnvPlatform.Migrations;
using EnvPlatform.Postgres.Setup;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

using Npgsql;

const string Help =
    """
    Prepares the databases of all services and ends: roles, databases, migrations, rights. Run it before a new version of the services
    starts; running it again changes nothing that is as it should be.

    Settings, as environment variables:
      ConnectionStrings__postgres   an administrator of the server, who may create roles and databases
      Databases__SERVICE__Password  of the role as which SERVICE signs in to its database; both have the service's name.
                                    SERVICE is one of: {0}
      Databases__WaitSeconds        how long to wait for a server that does not answer; 120 if not given

    Exit code: 0 when all is prepared, 1 when not, 64 when a setting is missing.
    """;

var services = ServiceScripts.Services;
if (args.Length > 0)
{
    Console.WriteLine(Help, string.Join(", ", services));
    return args is ["--help" or "-h"] ? 0 : 64;
}

var configuration = new ConfigurationBuilder().AddEnvironmentVariables().Build();
string[] needed = ["ConnectionStrings:postgres", .. services.Select(service => $"Databases:{service}:Password")];
var missing = needed.Where(setting => configuration[setting] is null or "").ToArray();
if (missing.Length > 0)
{
    Console.Error.WriteLine($"Missing: {string.Join(", ", missing).Replace(":", "__", StringComparison.Ordinal)}. See --help.");
    return 64;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    stop.Cancel();
};
using var logs = LoggerFactory.Create(logging => logging.AddSimpleConsole(console => console.SingleLine = true));
var setup = new DatabaseSetup(configuration["ConnectionStrings:postgres"]!, logs);
var patience = TimeSpan.FromSeconds(configuration.GetValue("Databases:WaitSeconds", 120));
var started = TimeProvider.System.GetTimestamp();
try
{
    foreach (var service in services)
    {
        await PrepareAsync(ServiceScripts.DatabaseOf(service, configuration[$"Databases:{service}:Password"]!));
    }

    Console.WriteLine($"The databases of {string.Join(", ", services)} are prepared.");
    return 0;
}
catch (Exception exception) when (exception
    is NpgsqlException or InvalidOperationException or ArgumentException or OperationCanceledException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

async Task PrepareAsync(ServiceDatabase database)
{
    while (true)
    {
        try
        {
            await setup.PrepareAsync(database, stop.Token);
            return;
        }
        catch (NpgsqlException exception) when (exception.IsTransient && TimeProvider.System.GetElapsedTime(started) < patience)
        {
            Console.Error.WriteLine($"{exception.Message} Trying again.");
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, stop.Token);
        }
    }
}
