using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace EnvPlatform.AppHost.Commands;

/// <summary>The dashboard's "Import advisories": sends a local file to the platform as the operator of the first start.</summary>
internal static class ImportCommand
{
    private const string File = "file";
    private const string Format = "format";
    private static readonly string[] Formats = ["osv", "nvd", "kev", "epss"];

    public static IResourceBuilder<ProjectResource> WithImportCommand(
        this IResourceBuilder<ProjectResource> gateway, string bootstrapFile) =>
        gateway.WithCommand(
            "import-advisories",
            "Import advisories",
            context => ImportAsync(gateway.GetEndpoint("http").Url, bootstrapFile, context),
            new CommandOptions
            {
                Description = "Imports a file of advisories that is on this machine.",
                IconName = "ArrowUpload",
                UpdateState = context => CommandStates.WhileHealthy(context.ResourceSnapshot),
                Arguments =
                [
                    new InteractionInput
                    {
                        Name = File,
                        Label = "File",
                        Description = "Absolute path of the file: an OSV export (all.zip), an NVD year, KEV or EPSS.",
                        InputType = InputType.Text,
                        Required = true,
                    },
                    new InteractionInput
                    {
                        Name = Format,
                        Label = "Format",
                        InputType = InputType.Choice,
                        Options = [.. Formats.Select(format => KeyValuePair.Create(format, format))],
                        Value = Formats[0],
                    },
                ],
            });

    private static async Task<ExecuteCommandResult> ImportAsync(string address, string bootstrapFile, ExecuteCommandContext context)
    {
        var path = context.Arguments.GetString(File) ?? "";
        var format = context.Arguments.GetString(Format) is { Length: > 0 } chosen ? chosen : Formats[0];
        if (!System.IO.File.Exists(path))
        {
            return CommandResults.Failure($"There is no file {path}.");
        }

        var bootstrap = await BootstrapCommand.ReadAsync(bootstrapFile, context.CancellationToken);
        using var http = new HttpClient { BaseAddress = new Uri(address), Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (string?)bootstrap["token"]);
        await using var stream = System.IO.File.OpenRead(path);
        using var content = new StreamContent(stream);
        using var response = await http.PostAsync(
            new Uri($"/api/v1/advisories/imports?format={format}", UriKind.Relative), content, context.CancellationToken);
        var answer = await response.Content.ReadAsStringAsync(context.CancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            return CommandResults.Failure($"The platform answered {(int)response.StatusCode}: {answer}");
        }

        var id = (string?)JsonNode.Parse(answer)?["id"];
        return CommandResults.Success($"The import {id} has begun. Follow it with: envplatform advisories imports");
    }
}
