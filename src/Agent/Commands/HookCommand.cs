using System.CommandLine;
using System.Text;

using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Prints the activation check as code for a shell, or installs it: conda, mamba, micromamba and pixi are asked for through a function that
/// runs <c>check</c> first, so that a blocked environment is not activated.
/// </summary>
internal sealed class HookCommand : Command
{
    private const string Begin = "# >>> envplatform hook >>>";
    private const string End = "# <<< envplatform hook <<<";
    private static readonly string[] Shells = ["bash", "zsh", "fish"];

    public HookCommand(Surroundings surroundings)
        : base("hook", "Print or install the check at each activation, for a shell.")
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong(Shells);
        var install = new Option<bool>("--install") { Description = "Add it to the shell's start-up file, once." };
        var uninstall = new Option<bool>("--uninstall") { Description = "Remove it from there." };
        Add(shell);
        Add(install);
        Add(uninstall);
        Validators.Add(result =>
        {
            if (result.GetValue(install) && result.GetValue(uninstall))
            {
                result.AddError("Give only one of --install, --uninstall.");
            }
        });
        SetAction(parsed =>
        {
            var name = parsed.GetValue(shell)!;
            if (parsed.GetValue(install))
            {
                return Install(name, surroundings);
            }

            if (parsed.GetValue(uninstall))
            {
                return Uninstall(name, surroundings);
            }

            surroundings.Out.Write(name == "fish" ? Fish : BashAndZsh);
            return ExitCodes.Fine;
        });
    }

    /// <summary>Installs the check into the user's own shell; says so where it cannot.</summary>
    public static int Install(Surroundings surroundings)
    {
        var shell = Path.GetFileName(surroundings["SHELL"]);
        if (Shells.Contains(shell, StringComparer.Ordinal))
        {
            return Install(shell!, surroundings);
        }

        new Screen(surroundings).Note(
            $"envplatform: the activation check was not installed: it knows {string.Join(", ", Shells)}, and not your shell"
            + $"{(shell is null ? "" : $" ({shell})")}. Activations are not checked on this machine.");
        return ExitCodes.CouldNot;
    }

    private static int Install(string shell, Surroundings surroundings)
    {
        var file = FileOf(shell, surroundings);
        var text = Read(file);
        var block = $"{Begin}\n{LineOf(shell)}\n{End}\n";
        var next = Without(text);
        next += (next.Length > 0 && !next.EndsWith('\n') ? "\n" : "") + block;
        if (next != text)
        {
            Write(file, next);
        }

        new Screen(surroundings).Note($"The activation check is in {file}: it is in force in shells that start from now on.");
        return ExitCodes.Fine;
    }

    private static int Uninstall(string shell, Surroundings surroundings)
    {
        var file = FileOf(shell, surroundings);
        var text = Read(file);
        var next = Without(text);
        if (next != text)
        {
            Write(file, next);
        }

        new Screen(surroundings).Note($"The activation check is not in {file}{(next == text ? "" : " any more")}.");
        return ExitCodes.Fine;
    }

    private static string FileOf(string shell, Surroundings surroundings) => shell switch
    {
        "bash" => Path.Combine(surroundings.HomeFolder, ".bashrc"),
        "zsh" => Path.Combine(surroundings["ZDOTDIR"] ?? surroundings.HomeFolder, ".zshrc"),
        // Not in conf.d, which is read first: what conda defines comes later.
        _ => Path.Combine(
            surroundings["XDG_CONFIG_HOME"] ?? Path.Combine(surroundings.HomeFolder, ".config"), "fish", "config.fish"),
    };

    private static string LineOf(string shell) => shell == "fish"
        ? "type -q envplatform; and envplatform hook fish | source"
        : $"command -v envplatform >/dev/null 2>&1 && eval \"$(envplatform hook {shell})\"";

    private static string Read(string file) => File.Exists(file) ? File.ReadAllText(file) : "";

    /// <summary>The text without what was installed before.</summary>
    private static string Without(string text)
    {
        var from = text.IndexOf(Begin, StringComparison.Ordinal);
        var to = from < 0 ? -1 : text.IndexOf(End, from, StringComparison.Ordinal);
        return to < 0 ? text : text[..from] + text[(to + End.Length)..].TrimStart('\n');
    }

    /// <summary>A link to the file, as dotfiles often are, stays one; its mode stays.</summary>
    private static void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    /// <summary>
    /// The functions that conda and micromamba define are kept under another name. Start-up files may define them after this, so it is
    /// looked once more before the first prompt.
    /// </summary>
    private const string BashAndZsh = """
        __envplatform_check() {
          case "${2-}" in
            activate|run|shell)
              command envplatform check -- "$@"
              [ "$?" -ne 1 ]
              ;;
          esac
        }
        __envplatform_wrap() {
          local tool
          for tool in conda mamba micromamba pixi; do
            if declare -f "$tool" >/dev/null 2>&1; then
              case "$(declare -f "$tool")" in
                *__envplatform_check*) ;;
                *)
                  eval "__envplatform_real_$(declare -f "$tool")"
                  eval "$tool() { __envplatform_check $tool \"\$@\" && __envplatform_real_$tool \"\$@\"; }"
                  ;;
              esac
            elif command -v "$tool" >/dev/null 2>&1; then
              eval "$tool() { __envplatform_check $tool \"\$@\" && command $tool \"\$@\"; }"
            fi
          done
        }
        __envplatform_wrap
        if [ -n "${ZSH_VERSION-}" ]; then
          __envplatform_first_prompt() {
            __envplatform_wrap
            add-zsh-hook -d precmd __envplatform_first_prompt
          }
          autoload -Uz add-zsh-hook && add-zsh-hook precmd __envplatform_first_prompt
        else
          __envplatform_first_prompt() {
            local status_before=$?
            __envplatform_wrap
            PROMPT_COMMAND="${PROMPT_COMMAND#__envplatform_first_prompt;}"
            return $status_before
          }
          PROMPT_COMMAND="__envplatform_first_prompt;${PROMPT_COMMAND-}"
        fi

        """;

    private const string Fish = """
        function __envplatform_check
            switch "$argv[2]"
                case activate run shell
                    command envplatform check -- $argv
                    test $status -ne 1
            end
        end
        function __envplatform_wrap
            for tool in conda mamba micromamba pixi
                if functions -q $tool
                    if not functions $tool | string match -q '*__envplatform_check*'
                        functions -e __envplatform_real_$tool
                        functions -c $tool __envplatform_real_$tool
                        eval "function $tool; __envplatform_check $tool \$argv; and __envplatform_real_$tool \$argv; end"
                    end
                else if type -q $tool
                    eval "function $tool; __envplatform_check $tool \$argv; and command $tool \$argv; end"
                end
            end
        end
        __envplatform_wrap
        function __envplatform_first_prompt --on-event fish_prompt
            functions -e __envplatform_first_prompt
            __envplatform_wrap
        end

        """;
}
