using System.CommandLine;
using System.Text;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Vulnerabilities;

/// <summary>Exports the organization's verdicts as a VEX document, and imports those of others.</summary>
internal sealed class VexCommand : Command
{
    public VexCommand(Surroundings surroundings)
        : base("vex", "What your organization holds of vulnerabilities, as VEX documents that other tools read and write.")
    {
        Add(new ExportCommand(surroundings));
        Add(new VexImportCommand(surroundings));
    }

    private sealed class ExportCommand : Command
    {
        private readonly Option<string> _format =
            new("--format") { Description = "openvex (0.2.0) or cyclonedx (1.6).", DefaultValueFactory = _ => "openvex" };
        private readonly Option<string?> _output =
            new("--output") { Description = "A file to write, rather than standard output.", HelpName = "FILE" };

        public ExportCommand(Surroundings surroundings)
            : base("export", "Write the curations that are in force.")
        {
            _format.AcceptOnlyFromAmong("openvex", "cyclonedx");
            Add(_format);
            Add(_output);
            SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
        }

        private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
        {
            using var session = Session.Open(surroundings);
            var answer = await session.Client.GetAsync(
                session.Path("vulnerabilities/vex") + Session.Query(("format", parsed.GetValue(_format))), CallOptions.Usual, ct);
            if (parsed.GetValue(_output) is { } file)
            {
                await System.IO.File.WriteAllBytesAsync(surroundings.FullPath(file), answer.Body, ct);
            }
            else
            {
                await surroundings.Out.WriteLineAsync(Encoding.UTF8.GetString(answer.Body));
            }

            return ExitCodes.Fine;
        }
    }

    private sealed class VexImportCommand : Command
    {
        private readonly Argument<string> _file =
            new("file") { Description = "A document of OpenVEX or CycloneDX in JSON; the content decides which." };
        private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

        public VexImportCommand(Surroundings surroundings)
            : base(
                "import",
                "Curate what a document states (administrators and security managers). What cannot be applied is told and left out.")
        {
            Add(_file);
            Add(_json);
            SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
        }

        private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
        {
            var file = surroundings.FullPath(parsed.GetValue(_file)!);
            if (!System.IO.File.Exists(file))
            {
                throw new AgentException($"There is no file {file}.");
            }

            using var session = Session.Open(surroundings);
            var answer = await session.Client.WriteAsync(
                HttpMethod.Post, session.Path("vulnerabilities/vex"), () => new UploadContent(file, "application/json", _ => { }),
                CallOptions.Upload, ct);
            var screen = new Screen(surroundings);
            if (parsed.GetValue(_json))
            {
                screen.Json(answer.Body);
                return ExitCodes.Fine;
            }

            var result = answer.As(AgentJson.Default.VexResult);
            foreach (var skipped in result.Skipped ?? [])
            {
                screen.Warn($"{skipped.Vulnerability ?? "A statement"} of "
                    + $"{(skipped.Product is { Length: > 0 } product ? product : "nothing")} is left out: {skipped.Reason}");
            }

            screen.Line($"{result.Statements} statements: {result.Applied} applied, {result.Unchanged} held already, "
                + $"{result.Skipped?.Count ?? 0} left out.");
            return ExitCodes.Fine;
        }
    }
}
