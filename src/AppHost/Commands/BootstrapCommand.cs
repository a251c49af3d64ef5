using System.Text.Json.Nodes;

namespace EnvPlatform.AppHost.Commands;

/// <summary>The dashboard's "Show sign-in": the details that the first start wrote to <c>bootstrap.json</c>.</summary>
internal static class BootstrapCommand
{
    public static IResourceBuilder<ProjectResource> WithBootstrapCommand(
        this IResourceBuilder<ProjectResource> gateway, string bootstrapFile) =>
        gateway.WithCommand(
            "show-bootstrap",
            "Show sign-in",
            async context =>
            {
                var bootstrap = await ReadAsync(bootstrapFile, context.CancellationToken);
                return CommandResults.Success(
                    "How to sign in", bootstrap.ToJsonString(), CommandResultFormat.Json, displayImmediately: true);
            },
            new CommandOptions
            {
                Description = "Shows the administrator's e-mail address, password and token of the first start.",
                IconName = "Key",
                UpdateState = context => CommandStates.WhileHealthy(context.ResourceSnapshot),
            });

    internal static async Task<JsonObject> ReadAsync(string bootstrapFile, CancellationToken ct)
    {
        await using var file = File.OpenRead(bootstrapFile);
        return (await JsonNode.ParseAsync(file, cancellationToken: ct))!.AsObject();
    }
}
