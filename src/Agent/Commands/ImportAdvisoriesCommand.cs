using System.CommandLine;
using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Uploads vulnerability data and follows the import to its end.</summary>
internal sealed class ImportAdvisoriesCommand : Command
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private readonly Argument<string> _file = new("file") { Description = "A zip, json or csv file, as it is or in gzip." };
    private readonly Option<string?> _format = new("--format") { Description = "osv, nvd, kev or epss; by default what the file looks like." };
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public ImportAdvisoriesCommand(Surroundings surroundings)
        : base("import", "Import vulnerability data (operators only).")
    {
        _format.AcceptOnlyFromAmong(AdvisoryFormat.All);
        Add(_file);
        Add(_format);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        var file = surroundings.FullPath(parsed.GetValue(_file)!);
        if (!System.IO.File.Exists(file))
            throw new AgentException($"There is no file {file}.");
        var head = Head(file);
        var format = parsed.GetValue(_format) ?? AdvisoryFormat.Of(head)
            ?? throw new AgentException($"{file} does not show what it is: say it with --format ({string.Join(", ", AdvisoryFormat.All)}).", ExitCodes.Usage);

        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        using var progress = new Progress(surroundings);
        var total = new FileInfo(file).Length;
        var answer = await client.WriteAsync(
            HttpMethod.Post, $"api/v1/advisories/imports?format={format}",
            () => new UploadContent(file, AdvisoryFormat.MediaType(head, format), sent => progress.Show($"Uploading {sent / 1e6:0.0} of {total / 1e6:0.0} MB")),
            CallOptions.Upload, ct);

        var import = answer.As(AgentJson.Default.ImportView);
        if (import.Id is not { } id)
            throw new AgentException("The platform took the file and did not say under which id.");
        while (import.Status is not ("completed" or "failed"))
        {
            progress.Show($"Importing: {import.Advisories ?? 0} advisories so far");
            await Task.Delay(Pause, surroundings.Clock, ct);
            answer = await client.GetAsync($"api/v1/advisories/imports/{Uri.EscapeDataString(id)}", CallOptions.Usual, ct);
            import = answer.As(AgentJson.Default.ImportView);
        }

        progress.Dispose();
        return Finish(import, answer, parsed.GetValue(_json), new Screen(surroundings));
    }

    private static int Finish(ImportView import, PlatformAnswer answer, bool json, Screen screen)
    {
        if (json)
            screen.Json(answer.Body);
        if (import.Status == "failed")
            throw new AgentException($"The import failed: {import.Error ?? "the platform gave no reason"}");
        if (!json)
            screen.Line($"Imported {import.Advisories ?? 0} advisories: {import.Added ?? 0} added, {import.Changed ?? 0} changed, {import.Withdrawn ?? 0} withdrawn, {import.Rejected ?? 0} rejected.");
        return ExitCodes.Fine;
    }

    private static byte[] Head(string file)
    {
        using var stream = System.IO.File.OpenRead(file);
        var head = new byte[4_096];
        return head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }
}
